"""Predictions as a table in a terminal and in Markdown."""

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leaderboard.ledger.targets import short_words_of
from leaderboard.prediction.predict import NetworkPrediction, PredictionReport
from leaderboard.views.markdown_table import Alignment, code, escape, write_table

DASH: Final = "–"
COLUMNS: Final[tuple[tuple[str, Alignment], ...]] = (
    ("network", "left"),
    ("predicted", "right"),
    ("9 in 10", "right"),
    ("observed", "right"),
    ("outside in", "left"),
)
WIDE: Final = 120  # columns of a terminal in which names are shown whole
SHORT: Final = 24  # characters of a name in others: its end, which tells networks apart
NUMBERS: Final = ("predicted", "9 in 10", "observed")


def render_predictions(report: PredictionReport, console: Console) -> None:
    """Print the predictions: a line a network, under sentences on what they rest on."""
    for sentence in sentences(report):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for header, side in COLUMNS:
        table.add_column(header, justify=side, no_wrap=header in NUMBERS, overflow="fold")
    for cells in map(_cells, report.networks):
        name = cells[0] if console.width >= WIDE or len(cells[0]) <= SHORT else f"…{cells[0][1 - SHORT :]}"
        table.add_row(Text(name), *map(Text, cells[1:]))
    console.print(table)


def markdown_predictions(report: PredictionReport) -> str:
    """Write the predictions as Markdown."""
    rows = [[code(cells[0]), *map(escape, cells[1:])] for cells in map(_cells, report.networks)]
    return f"{escape(' '.join(sentences(report)))}\n\n{write_table(COLUMNS, rows)}"


def sentences(report: PredictionReport) -> list[str]:
    """Say what the intervals rest on, how they did, and in what all networks differ from the reference's."""
    name = short_words_of(report.target)
    first, rule = next(iter(report.measures.items()))
    best = f"{first} predicts the reference best: \N{PLUS-MINUS SIGN}{rule.half_width:.3f}"
    found = [
        f"Reference: {report.reference_networks} networks of {report.reference_configurations} configurations.",
        f"{best}; without a score \N{PLUS-MINUS SIGN}{report.half_width_without:.3f}.",
        f"Of networks drawn like the reference's, 9 in 10 intervals contain the {name}; of others, nobody knows.",
    ]
    abstained = sum(one.predicted.interval is None for one in report.networks)
    if abstained:
        found.append(f"No interval for {abstained} of {len(report.networks)}: outside the reference's range.")
    if report.intervals:
        found.append(f"Of {report.intervals} intervals with a known {name}, {report.covered} contain it.")
    found.extend(f"All networks: {sentence}." for sentence in report.warnings)
    return found


def _cells(one: NetworkPrediction) -> tuple[str, ...]:
    predicted, interval = one.predicted.value, one.predicted.interval
    names = [each.name for each in one.warnings]
    if one.outside and interval is None:
        names.insert(0, f"{one.outside} of {one.scores} scores")
    return (
        one.run_id,
        DASH if predicted is None else f"{predicted:.3f}",
        DASH if interval is None else f"{interval.low:.2f} to {interval.high:.2f}",
        DASH if one.observed is None else f"{one.observed:.3f}",
        ", ".join(names) or ("" if one.scores else "no score"),
    )
