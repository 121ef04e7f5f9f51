"""Leaderboard in a terminal."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leaderboard.ranking.excerpt import Ranking
from leaderboard.ranking.report import Report
from leaderboard.statistics.estimator_noise import LIMIT, ranks_draws
from leaderboard.views.rows import Figure, Row, apart_name, plain_name, rows_of, sampled_pairs

DASH: Final = "–"
UNITS: Final = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "\N{MICRO SIGN}s"))

GAP: Final = 2  # spaces between columns

Item = TypeVar("Item")
Column = tuple[str, int, Literal["left", "right"], Callable[[Item], str]]


def _format_sign(row: Row) -> str:
    if row.expected_sign is None or not row.sign:
        return row.sign or DASH
    return f"{'+' if row.expected_sign > 0 else '-'} {row.sign}"


# header, importance (the least important go first where the terminal is too narrow; 0 always stays), alignment, cell
COLUMNS: Final[tuple[Column[Row], ...]] = (
    ("rank", 0, "right", lambda row: str(row.place) if row.place is not None else DASH),
    ("measure", 0, "left", lambda row: row.name),
    ("Psi", 0, "right", lambda row: format_number(row.psi)),
    ("95 %", 3, "right", lambda row: format_interval(row.psi)),
    ("sign", 4, "left", _format_sign),
    ("better than", 2, "left", lambda row: row.better_than or DASH),
    ("across", 6, "right", lambda row: format_number(row.across)),
    ("tau-b", 11, "right", lambda row: format_number(row.tau_b)),
    ("within", 5, "right", lambda row: format_number(row.tau_b_within)),
    ("gate AUC", 7, "right", lambda row: format_number(row.gate, signed=False)),
    ("labels", 9, "right", lambda row: format_labels(row.labels)),
    ("cost", 8, "right", lambda row: format_duration(row.seconds)),
    ("track", 10, "left", lambda row: row.track or DASH),
    ("networks", 12, "right", lambda row: str(row.networks)),
    ("family", 13, "left", lambda row: row.family or DASH),
    ("noise", 14, "right", lambda row: format_noise(row.noise)),
    ("", 1, "left", lambda row: "control" if row.control else "too noisy" if row.ranks_draws else ""),
)

SOME: Final = ("across", "track", "noise")  # columns that not every ledger fills

LEGEND: Final = {  # of the columns, by header
    "Psi": (
        "Kendall's tau between score and {target} over networks that differ in one hyperparameter only, averaged over "
        "the hyperparameters{apart}: 1 always in order, 0 no better than chance, -1 always reversed. Rows are sorted "
        "by Psi times the expected sign, or by |Psi| where that is unknown."
    ),
    "95 %": "bootstrap interval of Psi over settings of the hyperparameters; none if there are too few.",
    "sign": "the expected sign of Psi, and whether it is found; unclear if the interval contains 0 or is missing.",
    "better than": (
        "what the measure is better than, tested at 5 % over all measures together: chance (scores permuted within "
        "strata), and hp, the joint prediction from all hyperparameters, beside which the score says more."
    ),
    "across": "the same over networks that differ in {hp} only, which is no part of Psi.",
    "tau-b": "Kendall's tau-b over all pairs of networks.",
    "within": "{within}.",
    "gate AUC": (
        "probability that a network trained on random labels scores higher than one trained on true labels, all else "
        "equal; 0.5 is chance."
    ),
    "labels": "number of labelled held-out examples from which the estimated {target} orders the networks as well.",
    "cost": "median time to score one network.",
    "track": "the data that the measure may use.",
    "noise": "spread of the score over draws of its estimator, relative to that over networks; 0 if it draws nothing.",
}


def render(ranking: Ranking, console: Console, most: int | None = None) -> None:
    """Print a ranking as a table, with a line above on what was ranked and a legend of the columns below.

    A narrow console drops columns, the least important first; a statistic without a value shows as a dash.

    Args:
        ranking: a report or its excerpt.
        console: to print on.
        most: how many measures are shown at most, the controls among them besides; None for all.
    """
    every = rows_of(ranking)
    rows = every if most is None else first_rows(every, most) or every[:most]
    known = known_columns(rows)
    columns = fit_columns(rows, known, console.width)
    console.print(build_table(headline(ranking), rows, columns, _style))
    console.print()
    within = f"mean of tau-b inside each {plain_name(ranking.within.hp)}" if ranking.within else "there are no strata"
    hp = apart_name(ranking)
    apart = f" other than {hp}" if hp else ""
    shown = {header for header, *_ in columns}
    for header, words in LEGEND.items():
        if header in shown:
            print_term(header, words.format(target=ranking.target, within=within, hp=hp, apart=apart), console)
    console.print(Text("Controls, in italics, take no rank; measures with equal Psi share one."))
    if len(rows) < len(every):
        ranked = sum(row.place is not None for row in every)
        console.print(Text(f"The first {sum(row.place is not None for row in rows)} of {ranked} measures are shown."))
    if any(row.ranks_draws for row in rows):
        console.print(Text(f"Measures whose noise is above {LIMIT} rank draws of their estimator; they take no rank."))
    if unknown := sum(row.sign == "unknown" for row in rows):
        console.print(
            Text(
                f"The sign of {unknown} measure{'s' * (unknown != 1)} is unknown: ordered by |Psi|. To say it: "
                "gapbench rank --sign NAME=-1."
            )
        )
    print_hidden([header for header, *_ in known if header not in shown], console)


def first_rows(rows: Sequence[Row], most: int) -> list[Row]:
    """The rows up to that of the last of so many ranked measures."""
    ranked = [row for row in rows if row.place is not None][:most]
    return list(rows[: ranked[-1].position]) if ranked else []


def known_columns(rows: Sequence[Row]) -> list[Column[Row]]:
    """The columns of the table; those of `SOME` only where a measure has a value there."""
    return [column for column in COLUMNS if column[0] not in SOME or any(column[3](row) != DASH for row in rows)]


def _style(row: Row) -> str:
    return "dim italic" if row.control else "dim" if row.ranks_draws else ""


def print_term(term: str, words: str, console: Console) -> None:
    """Print a term in bold with its explanation."""
    console.print(Text.assemble((f"{term}: ", "bold"), words))


def print_hidden(headers: Sequence[str], console: Console) -> None:
    """Name the columns for which there is no room; nothing where all have some."""
    if headers:
        console.print(Text(f"Hidden at this width: {', '.join(headers)}. Widen the terminal, or pipe the output."))


def build_table(
    title: str, rows: Sequence[Item], columns: Sequence[Column[Item]], style: Callable[[Item], str]
) -> Table:
    """Lay out rows under a title."""
    table = Table(
        title=Text(title),
        title_justify="left",
        box=None,
        header_style="bold",
        padding=(0, GAP, 0, 0),
        pad_edge=False,
    )
    for header, _, justify, _ in columns:
        table.add_column(header, justify=justify, overflow="fold" if header == "measure" else "ellipsis")
    for row in rows:
        table.add_row(*(Text(cell(row)) for *_, cell in columns), style=style(row))
    return table


def fit_columns(rows: Sequence[Item], columns: Sequence[Column[Item]], width: int) -> list[Column[Item]]:
    """Choose the columns for which a console has room, the most important first; they keep their order."""
    kept: list[Column[Item]] = []
    room = width + GAP
    for column in sorted(columns, key=lambda column: column[1]):
        header, importance, _, cell = column
        needed = GAP + max([cell_len(header), *(cell_len(cell(row)) for row in rows)])
        if importance == 0 or needed <= room:
            kept.append(column)
            room -= needed
    return [column for column in columns if column in kept]


def headline(ranking: Ranking) -> str:
    """Say what was ranked: measures, networks, target, and how many networks were left out."""
    noisy = sum(ranks_draws(entry.noise) for entry in ranking.measures.values())
    measures = sum(not entry.control for entry in ranking.measures.values()) - noisy
    text = (
        f"{measures} measure{'s' * (measures != 1)} ranked by how well they order {ranking.models} "
        f"network{'s' * (ranking.models != 1)} by {ranking.target}"
    )
    if noisy:
        text += f"; {noisy} more whose estimator is too noisy to rank"
    if ranking.without_target:
        text += f"; {ranking.without_target} without {ranking.target} left out"
    if ranking.not_converged:
        kept = "left out" if ranking.converged_only else "included"
        text += f"; {ranking.not_converged} not converged, {kept}"
    if ranking.random_labels:
        text += f"; {ranking.random_labels} with random labels serve the gate only"
    if ranking.seeds == "kept":
        text += "; seeds compared one by one"
    if ranking.binned:
        text += f"; binned: {', '.join(plain_name(name) for name in ranking.binned)}"
    if isinstance(ranking, Report) and ranking.grid.sampled:
        text += f"; {sampled_pairs(ranking.grid.sampled)}"
    return text


def format_number(figure: Figure, *, signed: bool = True) -> str:
    """Write a statistic to three digits; a dash where there is none."""
    if figure.value is None:
        return DASH
    return f"{figure.value:+z.3f}" if signed else f"{figure.value:z.3f}"


def format_interval(figure: Figure) -> str:
    """Write the ends of an interval side by side; a dash where there is none."""
    return DASH if figure.interval is None else f"{figure.interval.low:+z.2f} {figure.interval.high:+z.2f}"


def format_range(figure: Figure) -> str:
    """Write an interval as "from to"; a dash where there is none."""
    return DASH if figure.interval is None else f"{figure.interval.low:+z.2f} to {figure.interval.high:+z.2f}"


def format_labels(figure: Figure) -> str:
    """Write a number of examples to two digits; a dash where there is none."""
    if figure.value is None:
        return DASH
    return "< 1" if figure.value < 1 else f"{float(f'{figure.value:.2g}'):,.0f}"


def format_noise(noise: float | None) -> str:
    """Write a ratio to two digits, 0 where nothing is drawn; a dash where it is unknown."""
    if noise is None:
        return DASH
    return f"{noise:.2f}" if noise else "0"


def format_duration(seconds: float | None) -> str:
    """Write a time to three digits in the unit that reads best; a dash where there is none."""
    if seconds is None:
        return DASH
    rounded = float(f"{seconds:.3g}")  # 999.6 ms is 1 s
    unit, name = next((each for each in UNITS if rounded >= each[0]), UNITS[-1])
    return f"{rounded / unit:.3g} {name}"
