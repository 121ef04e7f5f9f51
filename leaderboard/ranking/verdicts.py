"""Verdicts of a ranking on single measures: what takes a rank, beats chance, says more or passes the gate."""

from typing import Final

from leaderboard.ranking.excerpt import AnyEntry, Ranking, best_first
from leaderboard.statistics.estimator_noise import ranks_draws

CHANCE: Final = 0.5  # AUC of a score that knows nothing of the labels


def ranked_names(ranking: Ranking) -> list[str]:
    """List the measures that take a rank, best first: no controls, no noisy estimators, none without a Psi."""
    entries = ranking.measures
    return [
        name
        for name in best_first(entries)
        if not entries[name].control and entries[name].Psi is not None and not ranks_draws(entries[name].noise)
    ]


def beats_chance(entry: AnyEntry) -> bool:
    """Whether a measure is told from chance, and better."""
    return entry.told_from.random is not None and entry.told_from.random.verdict == "better"


def below_chance(entry: AnyEntry) -> bool:
    """Whether a measure is told from chance, and worse: it points against its expected direction."""
    return entry.told_from.random is not None and entry.told_from.random.verdict == "worse"


def says_more(entry: AnyEntry) -> bool:
    """Whether a measure says more than the joint prediction of all hyperparameters, in its expected direction."""
    beside = entry.told_from.hyperparameters
    return beside is not None and beside.verdict == "better"


def passes_gate(entry: AnyEntry) -> bool | None:
    """Whether a measure tells random labels in its expected direction, at 95 %; None where it could not be tested."""
    if entry.gate is None or entry.gate.interval is None:
        return None
    low, high = entry.gate.interval
    return low > CHANCE if entry.direction > 0 else high < CHANCE
