"""The leaderboard in a terminal."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leaderboard.ranking.excerpt import Ranking
from leaderboard.views.rows import Figure, Standing, plain_name, standings

DASH: Final = "–"
UNITS: Final = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "\N{MICRO SIGN}s"))

GAP: Final = 2  # spaces between columns

Row = TypeVar("Row")
Column = tuple[str, int, Literal["left", "right"], Callable[[Row], str]]

# header, importance (the least important go first where the terminal is too narrow; 0 always stays), alignment, cell
COLUMNS: Final[tuple[Column[Standing], ...]] = (
    ("rank", 0, "right", lambda row: str(row.place) if row.place is not None else DASH),
    ("measure", 0, "left", lambda row: row.name),
    ("Psi", 0, "right", lambda row: number(row.psi)),
    ("95 %", 2, "right", lambda row: interval(row.psi)),
    ("sign", 4, "left", lambda row: f"{'+' if row.expected_sign > 0 else '-'} {row.sign}" if row.sign else DASH),
    ("better than", 5, "left", lambda row: row.better_than or DASH),
    ("tau-b", 6, "right", lambda row: number(row.tau_b)),
    ("within", 3, "right", lambda row: number(row.tau_b_within)),
    ("gate AUC", 7, "right", lambda row: number(row.gate, signed=False)),
    ("labels", 9, "right", lambda row: labels(row.labels)),
    ("cost", 8, "right", lambda row: duration(row.seconds)),
    ("networks", 10, "right", lambda row: str(row.networks)),
    ("family", 11, "left", lambda row: row.family or DASH),
    ("", 1, "left", lambda row: "control" if row.control else ""),
)

LEGEND: Final = (
    "Psi: Kendall's tau averaged over groups of networks that differ in one hyperparameter, of the raw score; rows "
    "are ordered by Psi times the expected sign. 95 %: a bootstrap interval, for networks of other configurations "
    "drawn and trained as these were, if there are enough. sign: the expected one, and whether Psi agrees (unclear: "
    "its interval holds 0, or there is none). better than: chance, scores changing places within strata; hp, the "
    "hyperparameter with the largest Psi; each at 5 % over all measures together. tau-b: over all pairs of networks; "
    "within: {strata}. gate AUC: how often a network on random labels scores higher than one on true labels, all else "
    "equal; 0.5 is chance. labels: how many labelled held-out examples would order the networks as well. Controls, "
    "in italics, take no rank."
)


def render(ranking: Ranking, console: Console) -> None:
    """Print a ranking report as a table, with a line above on what was ranked and a legend below.

    A narrow console drops columns, the least important first; a figure that could not be computed shows as a dash.
    """
    rows = standings(ranking)
    table = drawn(headline(ranking), rows, COLUMNS, console.width, lambda row: "dim italic" if row.control else "")
    strata = ranking.within.hp if ranking.within else ""
    console.print(table)
    console.print()
    console.print(
        Text(
            LEGEND.format(
                strata=f"inside each {plain_name(strata)}, on average" if strata else "nothing to look inside"
            )
        )
    )


def drawn(
    title: str, rows: Sequence[Row], columns: Sequence[Column[Row]], width: int, style: Callable[[Row], str]
) -> Table:
    """The rows under a title, with the columns that a console of this width has room for."""
    kept = fitting(rows, columns, width)
    table = Table(
        title=Text(title),
        title_justify="left",
        box=None,
        header_style="bold",
        padding=(0, GAP, 0, 0),
        pad_edge=False,
    )
    for header, _, justify, _ in kept:
        table.add_column(header, justify=justify, overflow="fold" if header == "measure" else "ellipsis")
    for row in rows:
        table.add_row(*(Text(cell(row)) for *_, cell in kept), style=style(row))
    return table


def fitting(rows: Sequence[Row], columns: Sequence[Column[Row]], width: int) -> list[Column[Row]]:
    """The columns, the most important first, for which a console of this width has room; shown in their own order."""
    kept: list[Column[Row]] = []
    room = width + GAP
    for column in sorted(columns, key=lambda column: column[1]):
        header, importance, _, cell = column
        room -= GAP + max([cell_len(header), *(cell_len(cell(row)) for row in rows)])
        if importance > 0 and room < 0:
            break
        kept.append(column)
    return [column for column in columns if column in kept]


def headline(ranking: Ranking) -> str:
    """What was ranked: measures, networks, target, and how many networks were left out."""
    measures = sum(not entry.control for entry in ranking.measures.values())
    text = (
        f"{measures} measure{'s' * (measures != 1)} of {ranking.models} network{'s' * (ranking.models != 1)}, "
        f"ranked by how well they order them by {ranking.target}"
    )
    if ranking.without_target:
        text += f"; without {ranking.target}: {ranking.without_target}, left out"
    if ranking.not_converged:
        kept = "left out" if ranking.converged_only else "included"
        text += f"; not converged: {ranking.not_converged}, {kept}"
    if ranking.seeds == "kept":
        text += "; seeds kept"
    if ranking.binned:
        text += f"; binned: {', '.join(plain_name(name) for name in ranking.binned)}"
    return text


def number(figure: Figure, *, signed: bool = True) -> str:
    """A statistic to three digits, or a dash."""
    if figure.value is None:
        return DASH
    return f"{figure.value:+z.3f}" if signed else f"{figure.value:z.3f}"


def interval(figure: Figure) -> str:
    """The ends of an interval, or a dash."""
    return DASH if figure.interval is None else f"{figure.interval[0]:+z.2f} {figure.interval[1]:+z.2f}"


def labels(figure: Figure) -> str:
    """A number of examples to two digits, or a dash."""
    if figure.value is None:
        return DASH
    return "< 1" if figure.value < 1 else f"{float(f'{figure.value:.2g}'):,.0f}"


def duration(seconds: float | None) -> str:
    """A time to three digits in the unit that reads best."""
    if seconds is None:
        return DASH
    rounded = float(f"{seconds:.3g}")  # 999.6 ms is 1 s
    unit, name = next((each for each in UNITS if rounded >= each[0]), UNITS[-1])
    return f"{rounded / unit:.3g} {name}"
