"""Families of measures: how many a ranking holds, their median and best Psi, and the verdicts on them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import msgspec

from leaderboard.ranking.excerpt import Ranking
from leaderboard.ranking.verdicts import beats_chance, below_chance, passes_gate, ranked_names, says_more
from leaderboard.statistics.resampling import Interval

NO_FAMILY: Final = "no family"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFacts:
    """Measures of one family; see "Families" in docs/statistics.md.

    Attributes:
        family: its name.
        names: its measures that take a rank, best first.
        median: of their Psi in the expected direction.
        psi, interval: Psi of the best in the expected direction, and its interval alone.
        better, worse: number that the ranking tells from chance, corrected for testing all measures.
        beyond: number that say more of the target than all hyperparameters do.
        passes, gated: number that pass the randomization gate, of those that it could test.
    """

    family: str
    names: Sequence[str]
    median: float
    psi: float
    interval: Interval | None
    better: int
    worse: int
    beyond: int
    passes: int
    gated: int

    @property
    def best(self) -> str:
        """Name of the best measure."""
        return self.names[0]


def family_facts(ranking: Ranking) -> list[FamilyFacts]:
    """Summarize every family, that with the largest median Psi first."""
    members: dict[str, list[str]] = defaultdict(list)
    for name in ranked_names(ranking):
        members[ranking.measures[name].family or NO_FAMILY].append(name)
    found = [_facts(ranking, family, names) for family, names in members.items()]
    return sorted(found, key=lambda one: (-one.median, one.family))


def families_json(ranking: Ranking) -> dict[str, object]:
    """Convert the families to plain dictionaries, lists and numbers, under what was ranked."""
    return {
        "target": ranking.target,
        "models": ranking.models,
        "within": list(ranking.apart),
        "families": msgspec.to_builtins(family_facts(ranking)),
    }


def _facts(ranking: Ranking, family: str, names: Sequence[str]) -> FamilyFacts:
    entries = [ranking.measures[name] for name in names]
    psi = [(entry.Psi or 0.0) * entry.direction for entry in entries]
    gates = [passes_gate(entry) for entry in entries]
    interval = entries[0].interval.Psi
    return FamilyFacts(
        family=family,
        names=names,
        median=median(psi),
        psi=psi[0],
        interval=None if interval is None else interval.times(entries[0].direction),
        better=sum(map(beats_chance, entries)),
        worse=sum(map(below_chance, entries)),
        beyond=sum(map(says_more, entries)),
        passes=sum(gate is True for gate in gates),
        gated=sum(gate is not None for gate in gates),
    )
