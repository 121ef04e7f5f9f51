"""Facts of a ranking that the findings state: families of measures, verdicts, and what to use."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

from leaderboard.ranking.entry import Entry
from leaderboard.ranking.excerpt import best_first
from leaderboard.ranking.report import Report
from leaderboard.statistics.estimator_noise import ranks_draws

CHANCE: Final = 0.5  # AUC of a score that knows nothing of the labels
LEVEL: Final = 0.05  # of corrected tests
LEADING: Final = 20  # measures among which pairs are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFacts:
    """Measures of one family.

    Attributes:
        family: its name.
        names: its measures, best first.
        median: of their Psi in the expected direction.
        better, worse: number that the ranking tells from chance, corrected for testing all measures.
        beyond: number that say more of the target than all hyperparameters do.
        passes, gated: number that pass the randomization gate, of those that it could test.
    """

    family: str
    names: Sequence[str]
    median: float
    better: int
    worse: int
    beyond: int
    passes: int
    gated: int


def ranked_names(report: Report) -> list[str]:
    """List the measures that take a rank, best first: no controls, no noisy estimators, none without a Psi."""
    entries = report.measures
    return [
        name
        for name in best_first(entries)
        if not entries[name].control and entries[name].Psi is not None and not ranks_draws(entries[name].noise)
    ]


def family_facts(report: Report) -> list[FamilyFacts]:
    """Summarize every family, that with the largest median Psi first."""
    members: dict[str, list[str]] = defaultdict(list)
    for name in ranked_names(report):
        members[report.measures[name].family or "no family"].append(name)
    found = []
    for family, names in members.items():
        entries = [report.measures[name] for name in names]
        gates = [passes_gate(entry) for entry in entries]
        found.append(
            FamilyFacts(
                family=family,
                names=names,
                median=median(entry.directed_psi or 0.0 for entry in entries),
                better=sum(beats_chance(entry) for entry in entries),
                worse=sum(below_chance(entry) for entry in entries),
                beyond=sum(says_more(entry) for entry in entries),
                passes=sum(gate is True for gate in gates),
                gated=sum(gate is not None for gate in gates),
            )
        )
    return sorted(found, key=lambda one: (-one.median, one.family))


def beats_chance(entry: Entry) -> bool:
    """Whether a measure is told from chance, and better."""
    return entry.told_from.random is not None and entry.told_from.random.verdict == "better"


def below_chance(entry: Entry) -> bool:
    """Whether a measure is told from chance, and worse: it points against its expected direction."""
    return entry.told_from.random is not None and entry.told_from.random.verdict == "worse"


def says_more(entry: Entry) -> bool:
    """Whether a measure says more than the joint prediction of all hyperparameters, in its expected direction."""
    beside = entry.told_from.hyperparameters
    return beside is not None and beside.verdict == "better"


def passes_gate(entry: Entry) -> bool | None:
    """Whether a measure tells random labels in its expected direction, at 95 %; None where it could not be tested."""
    if entry.gate is None or entry.gate.interval is None:
        return None
    low, high = entry.gate.interval
    return low > CHANCE if entry.direction > 0 else high < CHANCE


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
