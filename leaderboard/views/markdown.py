"""The leaderboard as a table in Markdown, and the text file that shows it between two marks."""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any, Final

from leaderboard.errors import RankingError
from leaderboard.views.rows import Figure, Standing, standings
from leaderboard.views.terminal import DASH, duration, headline, labels, number

BEGIN: Final = "<!-- leaderboard: made by `gapbench table`, see CONTRIBUTING.md -->"
END: Final = "<!-- end of leaderboard -->"
ROWS: Final = 15  # measures that are listed
HEAD: Final = (
    "| rank | measure | family | Psi | 95 % | better than | tau-b within | gate AUC | labels | cost |\n"
    "|--:|---|---|--:|---|---|--:|--:|--:|--:|\n"
)
KEPT: Final = (  # of a report, what the table is made of
    "models", "target", "not_converged", "without_target", "converged_only", "bootstrap", "seeds", "binned",
)  # fmt: skip
NEEDED: Final = frozenset({"models", "target", "not_converged", "converged_only", "seeds", "binned", "measures"})
KEPT_OF_A_MEASURE: Final = (
    "n", "family", "control", "expected_sign", "Psi", "tau_b", "cost", "outcomes", "pareto",
)  # fmt: skip
NEEDED_OF_A_MEASURE: Final = frozenset(KEPT_OF_A_MEASURE) | {
    "interval", "within", "gate", "told_from", "label_equivalents", "why",
}  # fmt: skip


def markdown(report: Mapping[str, Any], rows: int = ROWS) -> str:
    """The best measures, the controls among them in italics, under a sentence on what was ranked.

    Args:
        report: what `leaderboard.ranking.rank.rank` returned, or its `excerpt`.
        rows: how many measures; the controls that stand among them come on top.
    """
    every = standings(report)
    listed = list(takewhile(lambda row: row.control or (row.place is not None and row.place <= rows), every))
    while listed and listed[-1].control:
        listed.pop()
    made = report.get("provenance", {})
    suite = "".join(f"{made[key]}, " for key in ("suite", "date") if made.get(key))
    places = max((row.place or 0 for row in every), default=0)
    shown = max((row.place or 0 for row in listed), default=0)
    return (
        f"{plain(suite)}{plain(headline(report))}. {shown} of {places} are shown.\n\n"
        f"{HEAD}{''.join(_row(row) for row in listed)}"
    )


def shown_in(text: str, table: str) -> str:
    """A text with the table between its marks.

    Raises:
        RankingError: the marks are not there, once each and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise RankingError(f"The file must hold the lines {BEGIN!r} and {END!r}, once each; it does not.")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def excerpt(report: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a report that the table is made of, small enough to lie in a repository."""
    return {
        **{key: report[key] for key in KEPT if key in report},
        **({"within": _part(report["within"], "hp")} if "within" in report else {}),
        "provenance": {key: report.get("provenance", {}).get(key, "") for key in ("suite", "date")},
        "measures": {name: _excerpt_of(entry) for name, entry in report["measures"].items()},
    }


def is_ranking(report: object) -> bool:
    """Whether it is a report of `leaderboard.rank`, or an `excerpt` of one."""
    if not isinstance(report, dict) or not report.keys() >= NEEDED or not isinstance(report["measures"], dict):
        return False
    return all(isinstance(entry, dict) and entry.keys() >= NEEDED_OF_A_MEASURE for entry in report["measures"].values())


def _excerpt_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    told = entry["told_from"]
    return {
        **{key: entry[key] for key in KEPT_OF_A_MEASURE},
        "interval": {key: entry["interval"].get(key) for key in ("tau_b", "Psi")},
        "within": _part(entry["within"], "tau_b", "interval"),
        "gate": _part(entry["gate"], "auc", "interval"),
        "told_from": {
            "random": _part(told["random"], "verdict"),
            "hyperparameter": _part(told["hyperparameter"], "verdict", "name"),
        },
        "label_equivalents": _part(entry["label_equivalents"], "examples", "interval"),
        "why": {},
    }


def _part(figures: Mapping[str, Any] | None, *keys: str) -> dict[str, Any] | None:
    return None if figures is None else {key: figures[key] for key in keys}


def _row(row: Standing) -> str:
    name = f"`{plain(row.name).replace('`', chr(39))}`"
    cells = (
        DASH if row.place is None else str(row.place),
        f"*{name}*" if row.control else name,
        plain(row.family) or DASH,
        number(row.psi),
        ends_of(row.psi),
        row.better_than or DASH,
        number(row.tau_b_within),
        number(row.gate, signed=False),
        labels(row.labels).replace("<", "&lt;"),
        duration(row.seconds),
    )
    return f"| {' | '.join(cells)} |\n"


def ends_of(figure: Figure) -> str:
    """The ends of an interval in words, or a dash."""
    return DASH if figure.interval is None else f"{figure.interval[0]:+z.2f} to {figure.interval[1]:+z.2f}"


def plain(text: str) -> str:
    """Text on one line that neither parts a cell nor opens a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;") + (" " if text.endswith(" ") else "")
