"""Selection figures as tables in a terminal and in Markdown."""

from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leaderboard.ledger.targets import short_words_of
from leaderboard.selection.select import Selection, SelectionReport
from leaderboard.statistics.selection import Estimate
from leaderboard.views.markdown_table import Alignment, code, escape, write_table

ROWS: Final = 15  # measures that are shown; --json has all
DASH: Final = "–"


def render_selection(report: SelectionReport, console: Console) -> None:
    """Print the figures: baselines, families, and the measures with the least regret."""
    for line in sentences(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for title, figures in _parts(report):
        table = Table(box=None, pad_edge=False, title=title, title_justify="left")
        for header, side in _columns(report):
            table.add_column(header, justify=side, no_wrap=side == "right", overflow="fold")
        for name, one in figures.items():
            table.add_row(*map(Text, _cells(name, one)))
        console.print()
        console.print(table)


def markdown_selection(report: SelectionReport) -> str:
    """Write the figures as Markdown."""
    tables = []
    for title, figures in _parts(report):
        cells = ([code(line[0]), *map(escape, line[1:])] for line in (_cells(*item) for item in figures.items()))
        tables.append(f"**{escape(title)}**\n\n{write_table(_columns(report), cells)}")
    return f"{escape(' '.join(sentences(report)))}\n\n" + "\n".join(tables)


def sentences(report: SelectionReport) -> list[str]:
    """Say what is picked from what, and what the figures mean."""
    name = short_words_of(report.target)
    within = f" of one {report.within}" if report.within else ""
    found = [
        f"Picking the network with the smallest {name} among {report.pool}{within}, drawn from {report.models}.",
        "Regret: 0 for the best of the pool, 1 for a random pick, above 1 for worse than that.",
        f"Top {report.top}: how often the pick is among the {report.top} best.",
    ]
    if any(not one.sign_known for one in report.measures.values()):
        found.append("? marks a measure of unknown sign, which is given the better one of the two.")
    if report.why:
        found.append(f"No figures for {len(report.why)} more; --json has the reasons.")
    return found


def _parts(report: SelectionReport) -> Iterator[tuple[str, Mapping[str, Selection]]]:
    yield "Without a measure", report.baselines
    yield "By family: the mean over its measures", report.families
    shown = dict(list(report.measures.items())[:ROWS])
    more = "" if len(shown) == len(report.measures) else f", the first {len(shown)} of {len(report.measures)}"
    yield f"By measure{more}", shown


def _columns(report: SelectionReport) -> tuple[tuple[str, Alignment], ...]:
    return (
        ("picked by", "left"),
        ("regret", "right"),
        ("95 %", "right"),
        (f"top {report.top}", "right"),
        ("95 %", "right"),
        ("networks", "right"),
    )


def _cells(name: str, one: Selection) -> tuple[str, ...]:
    mark = "" if one.sign_known else " ?"
    return (
        name + mark,
        f"{one.regret.value:.2f}",
        _interval(one.regret),
        f"{one.hits.value:.2f}",
        _interval(one.hits),
        str(one.n),
    )


def _interval(found: Estimate) -> str:
    return DASH if found.interval is None else f"{found.interval.low:.2f} to {found.interval.high:.2f}"
