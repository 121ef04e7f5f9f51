"""A public zoo and a held-out one side by side, in a terminal and as Markdown."""

from typing import Final

from rich.console import Console
from rich.text import Text

from leaderboard.ranking.report import Comparison, Report
from leaderboard.views.held_out import Pair, left_out, pairs_of
from leaderboard.views.markdown import ends_of, plain
from leaderboard.views.rows import plain_name
from leaderboard.views.terminal import DASH, Column, drawn, interval, number

# header, importance (the least important go first where the terminal is too narrow; 0 always stays), alignment, cell
COLUMNS: Final[tuple[Column[Pair], ...]] = (
    ("", 3, "right", lambda row: str(row.place)),
    ("measure", 0, "left", lambda row: row.name),
    ("public", 0, "right", lambda row: number(row.public)),
    ("95 %", 5, "right", lambda row: interval(row.public)),
    ("held out", 0, "right", lambda row: number(row.held_out)),
    ("95 %", 4, "right", lambda row: interval(row.held_out)),
    ("difference", 1, "right", lambda row: number(row.difference) + ("*" if row.falls else " ")),
    ("95 %", 2, "right", lambda row: interval(row.difference)),
    ("public verdict", 0, "left", lambda row: row.verdict or DASH),
)
LEGEND: Final = (
    "Psi of the raw score on both zoos; rows are ordered by that of the held-out zoo, which nobody could tune to, "
    "times the expected sign. difference: held out less public, times the expected sign; * its interval lies below 0: "
    "the measure predicts less well there. public verdict: whether what the public zoo says of the sign, of chance and "
    "of the best hyperparameter (hp) is said by the held-out one, too; where it is not, which of them. A verdict may "
    "also be lost for want of networks. Intervals are of one measure alone, at 95 %."
)
HEAD: Final = (
    "| | measure | public Psi | 95 % | held-out Psi | 95 % | difference | 95 % | public verdict |\n"
    "|--:|---|--:|---|--:|---|--:|---|---|\n"
)


def render_beside(report: Report, comparison: Comparison, console: Console) -> None:
    """Print the comparison of a ranking with a held-out one, what is not compared, and how to read it."""
    rows = pairs_of(comparison)
    style = {"does not hold": "red"}
    console.print(
        drawn(headline(report, comparison), rows, COLUMNS, console.width, lambda row: style.get(row.mark, ""))
    )
    for reason, names in left_out(comparison).items():
        console.print(Text(f"Not compared, {reason}: {', '.join(names)}."), style="yellow")
    console.print()
    console.print(Text(LEGEND))


def markdown_beside(report: Report, comparison: Comparison) -> str:
    """The comparison as a table in Markdown, under a sentence on what was compared, over what was not."""
    rows = "".join(_row(row) for row in pairs_of(comparison))
    below = "".join(
        f"\nNot compared, {plain(reason)}: {', '.join(f'`{_code(name)}`' for name in names)}.\n"
        for reason, names in left_out(comparison).items()
    )
    return f"{plain(headline(report, comparison))}\n\n{HEAD}{rows}{below}"


def headline(report: Report, comparison: Comparison) -> str:
    """What was compared, and how many of the public verdicts hold."""
    rows = pairs_of(comparison)
    lost = sum(row.mark == "does not hold" for row in rows)
    given = sum(row.mark != "" for row in rows)
    text = (
        f"{len(rows)} measures on {report.models} public and {comparison.held_out.models} held-out networks, "
        f"by how well they order them by {report.target}. "
    )
    text += f"Of {given} with a public verdict it holds for {given - lost}." if given else "None has a public verdict."
    for zoo, names in (("public", comparison.only_public_varies), ("held-out", comparison.only_held_out_varies)):
        if names:
            text += f" Only the {zoo} zoo varies {', '.join(map(plain_name, names))}."
    return text


def _row(row: Pair) -> str:
    cells = (
        str(row.place),
        f"`{_code(row.name)}`",
        number(row.public),
        ends_of(row.public),
        number(row.held_out),
        ends_of(row.held_out),
        number(row.difference),
        ends_of(row.difference),
        f"**{row.verdict}**" if row.lost else row.verdict or DASH,
    )
    return f"| {' | '.join(cells)} |\n"


def _code(name: str) -> str:
    return plain(name).replace("`", "'")
