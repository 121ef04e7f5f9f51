"""Public and held-out zoo side by side, in a terminal and as Markdown."""

from typing import Final

from rich.console import Console
from rich.text import Text

from leaderboard.ranking.report import Comparison, Report
from leaderboard.views.held_out import Pair, not_compared, pairs_of
from leaderboard.views.markdown_table import Alignment, code, escape, write_table
from leaderboard.views.rows import plain_name
from leaderboard.views.terminal import (
    DASH,
    Column,
    build_table,
    fit_columns,
    format_interval,
    format_number,
    format_range,
    print_term,
)

# header, importance (the least important go first where the terminal is too narrow; 0 always stays), alignment, cell
COLUMNS: Final[tuple[Column[Pair], ...]] = (
    ("", 3, "right", lambda row: str(row.place)),
    ("measure", 0, "left", lambda row: row.name),
    ("public", 0, "right", lambda row: format_number(row.public)),
    ("95 %", 5, "right", lambda row: format_interval(row.public)),
    ("held out", 0, "right", lambda row: format_number(row.held_out)),
    ("95 %", 4, "right", lambda row: format_interval(row.held_out)),
    ("difference", 1, "right", lambda row: format_number(row.difference) + ("*" if row.falls else " ")),
    ("95 %", 2, "right", lambda row: format_interval(row.difference)),
    ("public verdict", 0, "left", lambda row: row.verdict or DASH),
)
LEGEND: Final = {
    "public, held out": (
        "Psi of the raw score on each zoo. Rows are sorted by Psi on the held-out zoo, to which nobody could tune, "
        "times the expected sign."
    ),
    "difference": (
        "held out less public, both times the expected sign. *: its interval lies below 0, so the measure predicts "
        "less well on the held-out zoo."
    ),
    "public verdict": (
        "whether the held-out zoo confirms what the public one says of the sign, of chance and of the best "
        "hyperparameter (hp), and which of these are lost. A verdict may also be lost because there are too few "
        "networks."
    ),
    "95 %": "interval of one measure alone.",
}
HEADER: Final[tuple[tuple[str, Alignment], ...]] = (
    ("rank", "right"),
    ("measure", "left"),
    ("public Psi", "right"),
    ("95 %", "left"),
    ("held-out Psi", "right"),
    ("95 %", "left"),
    ("difference", "right"),
    ("95 %", "left"),
    ("public verdict", "left"),
)


def render_beside(report: Report, comparison: Comparison, console: Console) -> None:
    """Print the comparison of a ranking with a held-out one, what is not compared, and how to read it."""
    rows = pairs_of(comparison)
    style = {"does not hold": "red"}
    columns = fit_columns(rows, COLUMNS, console.width)
    console.print(build_table(headline(report, comparison), rows, columns, lambda row: style.get(row.mark, "")))
    for reason, names in not_compared(comparison).items():
        console.print(Text(f"Not compared, {reason}: {', '.join(names)}."), style="yellow")
    console.print()
    for term, words in LEGEND.items():
        print_term(term, words, console)


def markdown_beside(report: Report, comparison: Comparison) -> str:
    """Write the comparison as a table in Markdown, under a sentence on what was compared, over what was not."""
    below = "".join(
        f"\nNot compared, {escape(reason)}: {', '.join(map(code, names))}.\n"
        for reason, names in not_compared(comparison).items()
    )
    table = write_table(HEADER, map(_cells, pairs_of(comparison)))
    return f"{escape(headline(report, comparison))}\n\n{table}{below}"


def headline(report: Report, comparison: Comparison) -> str:
    """Say what was compared, and how many of the public verdicts hold."""
    rows = pairs_of(comparison)
    lost = sum(row.mark == "does not hold" for row in rows)
    given = sum(row.mark != "" for row in rows)
    text = (
        f"{len(rows)} measures on {report.models} public and {comparison.held_out.models} held-out networks, "
        f"by how well they order them by {report.target}. "
    )
    text += (
        f"{given} have a public verdict; it holds on the held-out zoo for {given - lost}."
        if given
        else "None has a public verdict."
    )
    for zoo, names in (("public", comparison.only_public_varies), ("held-out", comparison.only_held_out_varies)):
        if names:
            text += f" Only the {zoo} zoo varies {', '.join(map(plain_name, names))}."
    return text


def _cells(row: Pair) -> tuple[str, ...]:
    return (
        str(row.place),
        code(row.name),
        format_number(row.public),
        format_range(row.public),
        format_number(row.held_out),
        format_range(row.held_out),
        format_number(row.difference),
        format_range(row.difference),
        f"**{row.verdict}**" if row.lost else row.verdict or DASH,
    )
