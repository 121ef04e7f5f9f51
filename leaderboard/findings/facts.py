"""Facts of a ranking that the findings state: leading pairs, and what to use."""

from collections.abc import Mapping
from itertools import combinations
from typing import Final

from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import beats_chance, below_chance, passes_gate, ranked_names

LEVEL: Final = 0.05  # of corrected tests
LEADING: Final = 20  # measures among which pairs are counted


def pairs_told_apart(report: Report) -> tuple[int, int]:
    """Count the pairs among the first twenty measures that are told apart after correction, and all of these pairs."""
    comparisons = report.comparisons
    place = {name: index for index, name in enumerate(comparisons.names)}
    leading = [name for name in ranked_names(report)[:LEADING] if name in place]
    pairs = [comparisons.p_adjusted[place[a]][place[b]] for a, b in combinations(leading, 2)]
    return sum(p is not None and p <= LEVEL for p in pairs), len(pairs)


def recommended(report: Report) -> list[str]:
    """List the measures that beat chance, do not fail the gate, and hold on the held-out zoo where there is one."""
    held = _held(report)
    return [
        name
        for name in ranked_names(report)
        if beats_chance(report.measures[name])
        and passes_gate(report.measures[name]) is not False
        and held.get(name, True)
    ]


def discouraged(report: Report) -> list[str]:
    """List the measures that point against their expected direction, the worst first."""
    return [name for name in reversed(ranked_names(report)) if below_chance(report.measures[name])]


def _held(report: Report) -> Mapping[str, bool]:
    compared = {} if report.beside is None else report.beside.measures
    return {name: one.holds is not False for name, one in compared.items()}
