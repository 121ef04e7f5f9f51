"""Pictures of the findings as SVG: families of measures, cost, and two rankings against each other."""

from collections.abc import Sequence
from typing import Final

from leaderboard.claims.figure import Figure, Point, Series, dots, svg_of
from leaderboard.findings.agreement import directed
from leaderboard.ranking.entry import Entry
from leaderboard.ranking.families import family_facts
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import beats_chance, below_chance, ranked_names

PSI: Final = "Psi in the expected direction"


def draw_families(report: Report) -> str:
    """Draw Psi of every measure, a column a family, coloured by the verdict against chance."""
    facts = family_facts(report)
    figure = _figure("family", PSI, categories=[one.family for one in facts])

    def points(wanted: Sequence[str]) -> list[Point]:
        return [
            Point(one.family, psi, psi, psi)
            for one in facts
            for name in one.names
            if _verdict(report.measures[name]) in wanted and (psi := report.measures[name].directed_psi) is not None
        ]

    names = ("better than chance", "not told apart", "worse than chance")
    return svg_of(figure, [Series(name, points([name]), joined=False) for name in names])


def draw_cost(report: Report) -> str:
    """Draw Psi against seconds a network, the front of cost and Psi apart."""
    front: list[tuple[float, float]] = []
    rest: list[tuple[float, float]] = []
    for name in ranked_names(report):
        entry = report.measures[name]
        seconds, psi = entry.cost.median_seconds, entry.directed_psi
        if seconds and psi is not None:
            (front if entry.pareto else rest).append((seconds, psi))
    series = [_dots("none better and cheaper", front), _dots("other measures", rest)]
    return svg_of(_figure("seconds a network", PSI, log=True), series)


def draw_rankings(one: Report, two: Report, names: tuple[str, str]) -> str:
    """Draw Psi of two zoos against each other, one dot a measure that both rank."""
    x, y = directed(one), directed(two)
    both = [name for name in x if name in y]
    series = [dots("a measure", [x[name] for name in both], [y[name] for name in both])]
    return svg_of(_figure(f"{PSI}: {names[0]}", f"{PSI}: {names[1]}", diagonal=True), series)


def _figure(x: str, y: str, *, log: bool = False, diagonal: bool = False, categories: Sequence[str] = ()) -> Figure:
    return Figure(x=x, y=y, series=lambda _: (), log=log, diagonal=diagonal, categories=categories)


def _dots(name: str, points: Sequence[tuple[float, float]]) -> Series:
    return dots(name, [x for x, _ in points], [y for _, y in points])


def _verdict(entry: Entry) -> str:
    if beats_chance(entry):
        return "better than chance"
    return "worse than chance" if below_chance(entry) else "not told apart"
