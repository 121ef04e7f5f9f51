"""The leaderboard as a table in Markdown, and the text file that shows it between two marks."""

from itertools import takewhile
from typing import Final

from leaderboard.errors import RankingError
from leaderboard.ranking.excerpt import Ranking
from leaderboard.views.rows import Figure, Standing, standings
from leaderboard.views.terminal import DASH, duration, headline, labels, number

BEGIN: Final = "<!-- leaderboard: made by `gapbench table`, see CONTRIBUTING.md -->"
END: Final = "<!-- end of leaderboard -->"
ROWS: Final = 15  # measures that are listed
HEAD: Final = (
    "| rank | measure | family | Psi | 95 % | better than | tau-b within | gate AUC | labels | cost |\n"
    "|--:|---|---|--:|---|---|--:|--:|--:|--:|\n"
)


def markdown(ranking: Ranking, rows: int = ROWS) -> str:
    """The best measures, the controls among them in italics, under a sentence on what was ranked.

    Args:
        ranking: a report or its excerpt.
        rows: how many measures; the controls that stand among them come on top.
    """
    every = standings(ranking)
    listed = list(takewhile(lambda row: row.control or (row.place is not None and row.place <= rows), every))
    while listed and listed[-1].control:
        listed.pop()
    made = ranking.provenance or {}
    suite = "".join(f"{made[key]}, " for key in ("suite", "date") if made.get(key))
    places = max((row.place or 0 for row in every), default=0)
    shown = max((row.place or 0 for row in listed), default=0)
    return (
        f"{plain(suite)}{plain(headline(ranking))}. {shown} of {places} are shown.\n\n"
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
