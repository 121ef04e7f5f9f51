"""Noise of a submitted measure's estimator: trials under other seeds, and the spread of scores between them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from statistics import median
from typing import Final

import numpy as np

from harness.checking.changes import CHANGES
from harness.checking.networks import ARCHITECTURES
from harness.checking.process import Answer
from harness.checking.trials import Trial, parts_of
from harness.checking.zoo import CheckZoo
from leaderboard.statistics.estimator_noise import noise_ratio
from leaderboard.statistics.undefined import UndefinedError
from measures.api import seed_for

Answers = Mapping[tuple[str, ...], Answer]

SEEDS: Final = ("1", "2")  # beside that of the other trials
NETWORKS: Final = 4  # of each corruption
SAME: Final = 1e-9  # relative difference of scores that differ by rounding


def zoo_seed_trials(zoo: CheckZoo, answers: Answers) -> Iterator[Trial]:
    """Yield some networks of the check zoo under other seeds; one is enough where no measure draws anything.

    Args:
        zoo: the networks.
        answers: those of earlier trials, to which the answer to each trial is added before the next is asked for.
    """
    corruptions = _corruptions(zoo)
    groups: dict[str, list[str]] = defaultdict(list)
    for run_id in zoo.by_seed():
        if len(groups[corruptions[run_id]]) < NETWORKS:
            groups[corruptions[run_id]].append(run_id)
    for run_id in (one for several in zip_longest(*groups.values()) for one in several if one is not None):
        for seed in SEEDS:
            yield Trial(("zoo seed", run_id, seed), replace(zoo.parts(run_id), seed=seed_for("check", seed)))
        if not _any_differs(answers, ("zoo", run_id), [("zoo seed", run_id, seed) for seed in SEEDS]):
            return


def card_seed_trials(answers: Answers) -> Iterator[Trial]:
    """Yield the networks before each change of the invariances under other seeds; arguments as `zoo_seed_trials`."""
    starts = {start.name: start for _, before, _ in CHANGES.values() for start in [before()]}
    for name, start in starts.items():
        for seed in SEEDS:
            yield Trial(("card seed", name, seed), replace(parts_of(start), seed=seed_for("check", seed)))
        if not _any_differs(answers, key_before(name), [("card seed", name, seed) for seed in SEEDS]):
            return


def key_before(start: str) -> tuple[str, ...]:
    """Return the key of the trial on a network before its change."""
    return ("contract", start, "plain") if start in ARCHITECTURES else ("card", start, "before")


def estimator_noise_of(name: str, answers: Answers, zoo: CheckZoo) -> float | None:
    """Estimate the noise of a measure as a leaderboard shows it, with the spread over draws from some networks.

    Returns 0 if no score depends on the seed; None if time ran out, or within no corruption scores differ.
    """
    corruptions = _corruptions(zoo)
    scores: dict[str, list[float]] = defaultdict(list)
    deviations: dict[str, list[float]] = defaultdict(list)
    for run_id, corruption in corruptions.items():
        values = _values(name, answers, ("zoo", run_id), [("zoo seed", run_id, seed) for seed in SEEDS])
        scores[corruption] += values[:1]
        if len(values) > len(SEEDS):
            differ = max(values) - min(values) > SAME * max(map(abs, values))
            deviations[corruption].append(float(np.std(values, ddof=1)) if differ else 0.0)
    if not any(deviations.values()):
        return None
    if not any(map(any, deviations.values())):
        return 0.0
    ratios = []
    for corruption, spread in deviations.items():
        try:
            ratios.append(noise_ratio(np.array(spread), np.array(scores[corruption])))
        except UndefinedError:
            continue
    return median(ratios) if ratios else None


def spread_between_seeds(name: str, answers: Answers, start: str) -> float:
    """Largest difference between scores of a network under several seeds, relative to the largest of them."""
    values = _values(name, answers, key_before(start), [("card seed", start, seed) for seed in SEEDS])
    return (max(values) - min(values)) / max(*map(abs, values), 1e-12) if values else 0.0


def _corruptions(zoo: CheckZoo) -> dict[str, str]:
    return dict(zip(zoo.ledger["run_id"], zoo.ledger["hp.corruption"], strict=True))


def _values(name: str, answers: Answers, first: tuple[str, ...], others: list[tuple[str, ...]]) -> list[float]:
    """Return the scores of a measure in these trials, those that there are."""
    found = [answers[key].scores[name].value for key in (first, *others) if key in answers]
    return [value for value in found if value is not None]


def _any_differs(answers: Answers, first: tuple[str, ...], others: list[tuple[str, ...]]) -> bool:
    """Return whether a measure has different scores in these trials."""
    names = answers[first].scores if first in answers else {}
    every = [_values(name, answers, first, others) for name in names]
    return any(values and max(values) - min(values) > SAME * max(map(abs, values)) for values in every)
