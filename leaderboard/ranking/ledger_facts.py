"""Facts of a ledger beside the ranking statistics: grid, randomization gate, cost and outcomes."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.ledger.arrays import Networks
from leaderboard.ledger.corruption import CORRUPTION, SHARE, SHIFT, TRUE, trained_on_random_labels
from leaderboard.ledger.metadata import Metadata
from leaderboard.ranking.entry import Cost, Gate
from leaderboard.ranking.report import GridFacts
from leaderboard.statistics.estimator_noise import noise_within
from leaderboard.statistics.gate import randomization_gate
from leaderboard.statistics.granulated import Grid
from leaderboard.statistics.pairs import Floats, Ints, joint
from leaderboard.statistics.resampling import draw
from leaderboard.statistics.undefined import Reasons, UndefinedError

OUTCOMES: Final = ("scored", "unsupported", "failed", "timeout", "stale")


def grid_facts(networks: Networks, grid: Grid) -> GridFacts:
    """Count how full the grid of levels is, the replicates of its configurations, and the pairs that are compared."""
    if not len(networks):
        return GridFacts(places=0, filled=0, holes=0, replicates=None)
    places = prod(len(np.unique(code)) for code in networks.levels.values())
    filled = int(joint(networks.levels.values(), len(networks)).max()) + 1
    sizes = np.bincount(networks.configuration)
    replicates = int(sizes.min()), int(sizes.max())
    return GridFacts(places=places, filled=filled, holes=places - filled, replicates=replicates, sampled=grid.sampled)


class Gates:
    """Computes the randomization gate of measures; what measures on the same networks share is cached.

    Args:
        hyperparameters: one column each, one row a network.
        bootstrap: number of resamples.
        seed: of the resamples.
    """

    def __init__(self, hyperparameters: pd.DataFrame, bootstrap: int, seed: int) -> None:
        self._hyperparameters, self._bootstrap, self._seed = hyperparameters, bootstrap, seed
        self._compared = _compared(hyperparameters)
        self._known: dict[bytes, tuple[NDArray[np.bool_], Ints]] = {}

    def of(self, scores: Floats, why: Reasons) -> Gate | None:
        """Compute the gate from scores [n], NaN where there is none; None with a reason in `why` if it has no value."""
        if CORRUPTION not in self._hyperparameters:
            why["gate"] = "The ledger has no column hp.corruption."
            return None
        kept = np.isfinite(scores) & self._compared
        if kept.tobytes() not in self._known:
            self._known[kept.tobytes()] = _sides(self._hyperparameters[kept])
        random, setting = self._known[kept.tobytes()]
        counts = _resamples(int(setting.max(initial=-1)) + 1, self._bootstrap, self._seed)
        gate = why.of("gate", randomization_gate, scores[kept], random, setting, counts)
        if gate is None:
            return None
        if gate.interval is None:
            why["gate.interval"] = gate.why
        return Gate(auc=gate.auc, interval=gate.interval, true=gate.true, random=gate.random, matched=gate.matched)


def _compared(hyperparameters: pd.DataFrame) -> NDArray[np.bool_]:
    """Which networks have true or random labels, and images that were not corrupted."""
    if CORRUPTION not in hyperparameters:
        return np.zeros(len(hyperparameters), dtype=np.bool_)
    words = hyperparameters[CORRUPTION].astype(str)
    random = trained_on_random_labels(hyperparameters) & ~words.str.contains(SHIFT, regex=False).to_numpy()
    return np.asarray((words == TRUE).to_numpy() | random, dtype=np.bool_)


def _sides(sides: pd.DataFrame) -> tuple[NDArray[np.bool_], Ints]:
    """Which networks have random labels, and one code for all other hyperparameters together."""
    others = [
        pd.factorize(values, sort=False, use_na_sentinel=False)[0].astype(np.int64)
        for other, values in sides.items()
        if other not in (CORRUPTION, SHARE)
    ]
    return trained_on_random_labels(sides), joint(others, len(sides))


@lru_cache(maxsize=4)  # measures that score the same networks share their resamples
def _resamples(size: int, count: int, seed: int) -> Floats:
    return draw(size, count, np.random.default_rng([seed, 0x9A7E]))


def cost_of(runs: pd.DataFrame, name: str, why: Reasons) -> Cost:
    """Take the median cost of a measure in seconds; negative and infinite values are ignored."""
    seconds = runs[f"cost.{name}"].to_numpy() if f"cost.{name}" in runs else np.zeros(0)
    times = seconds[np.isfinite(seconds) & (seconds >= 0)]
    if not len(times):
        why["cost.median_seconds"] = f"The ledger has no seconds in a column cost.{name}."
    return Cost(median_seconds=float(np.median(times)) if len(times) else None)


def outcomes_of(runs: pd.DataFrame, name: str) -> dict[str, int]:
    """Count the networks by outcome; "missing" are those without a score and without a recorded outcome."""
    scored = np.isfinite(runs[f"measure.{name}"].to_numpy())
    counts = dict.fromkeys(OUTCOMES, 0)
    counts["scored"] = int(scored.sum())
    if f"outcome.{name}" in runs:
        others = Counter(runs[f"outcome.{name}"].to_numpy(dtype=object)[~scored])
        counts |= {outcome: others[outcome] for outcome in OUTCOMES[1:]}
    return {**counts, "missing": len(runs) - sum(counts.values())}


def with_noise(about: Metadata, runs: pd.DataFrame, name: str, column: str | None) -> Metadata:
    """Compute the noise of a measure's estimator from the column noise.<name>; without one it is that of the metadata.

    Args:
        about: metadata of the measure.
        runs: the networks.
        name: of the measure.
        column: the hyperparameter within whose values networks are compared; None for all together.
    """
    if f"noise.{name}" not in runs:
        return about
    scores, deviations = (runs[f"{kind}.{name}"].to_numpy(dtype=np.float64) for kind in ("measure", "noise"))
    known = np.isfinite(scores) & np.isfinite(deviations) & (deviations >= 0)
    groups = np.zeros(len(runs)) if column is None else pd.factorize(runs[column], use_na_sentinel=False)[0]
    noise = None
    with suppress(UndefinedError):
        noise = noise_within(deviations[known], scores[known], groups[known].astype(np.int64))
    return replace(about, noise=noise)
