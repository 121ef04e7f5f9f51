"""Rankings by every target as a table in a terminal and in Markdown."""

from typing import Final

from rich.console import Console
from rich.text import Text

from leaderboard.ledger.targets import Target
from leaderboard.shifts.compare import ShiftRanking, ShiftsReport
from leaderboard.views.markdown_table import Alignment, code, escape, write_table
from leaderboard.views.terminal import DASH, Column, build_table, fit_columns, print_term

Row = tuple[Target, ShiftRanking]

# header, importance (the least important go first where the terminal is too narrow; 0 always stays), alignment, cell
COLUMNS: Final[tuple[Column[Row], ...]] = (
    ("target", 0, "left", lambda row: row[0]),
    ("n", 3, "right", lambda row: str(row[1].networks)),
    ("measure", 0, "left", lambda row: DASH if row[1].top is None else row[1].top.name),
    ("Psi", 2, "right", lambda row: DASH if row[1].top is None else f"{row[1].top.Psi:+.2f}"),
    ("clean", 4, "right", lambda row: _clean_rank(row[1])),
    ("rho", 0, "right", lambda row: DASH if row[1].rho is None else f"{row[1].rho:.2f}"),
    ("95 %", 1, "right", lambda row: _interval(row[1])),
)


def render_shifts(report: ShiftsReport, console: Console) -> None:
    """Print a row for each target, what the columns mean, and what is missing."""
    rows = list(report.targets.items())
    columns = fit_columns(rows, COLUMNS, console.width)
    console.print(build_table(_headline(report), rows, columns, lambda _: ""))
    for line in _lacking(report):
        console.print(Text(line), style="yellow")
    if hidden := [column[0] for column in COLUMNS if column not in columns]:
        console.print(Text(f"Hidden at this width: {', '.join(hidden)}. Widen the terminal, or pipe the output."))
    console.print()
    for term, words in _legend(report).items():
        print_term(term, words, console)


def markdown_shifts(report: ShiftsReport) -> str:
    """Write the same as Markdown."""
    header: tuple[tuple[str, Alignment], ...] = tuple((name, side) for name, _, side, _ in COLUMNS)
    table = write_table(header, ([_marked(column, row) for column in COLUMNS] for row in report.targets.items()))
    legend = "".join(f"- {escape(term)}: {escape(words)}\n" for term, words in _legend(report).items())
    lacking = "".join(f"\n{escape(line)}\n" for line in _lacking(report))
    return f"{escape(_headline(report))}\n\n{table}{lacking}\n{legend}"


def _headline(report: ShiftsReport) -> str:
    return (
        f"Measures ranked by {len(report.targets)} targets of {report.models} networks, and how the rankings correlate "
        f"with that by {report.clean}"
    )


def _legend(report: ShiftsReport) -> dict[str, str]:
    within = f" of one {report.within}" if report.within else ""
    return {
        "n": f"networks that have the target and {report.clean}.",
        "measure, Psi": f"the first measure of this ranking, and its Psi over networks{within}.",
        "clean": f"its rank by {report.clean}.",
        "rho, 95 %": (
            f"Spearman's correlation of Psi by this target with Psi by {report.clean}, both times the expected sign, "
            "over the measures that have both; the interval resamples families of measures, with these networks."
        ),
    }


def _lacking(report: ShiftsReport) -> list[str]:
    names: dict[str, list[str]] = {}
    for name, one in report.targets.items():
        if one.why:
            names.setdefault(one.why, []).append(name)
    return [
        f"No rho by {'any target' if len(own) == len(report.targets) else ', '.join(own)}: {why}"
        for why, own in names.items()
    ]


def _marked(column: Column[Row], row: Row) -> str:
    text = column[3](row)
    return code(text) if column[0] in ("target", "measure") and text != DASH else text


def _clean_rank(one: ShiftRanking) -> str:
    return DASH if one.top is None or one.top.clean_rank is None else str(one.top.clean_rank)


def _interval(one: ShiftRanking) -> str:
    return DASH if one.interval is None else f"{one.interval.low:.2f} to {one.interval.high:.2f}"
