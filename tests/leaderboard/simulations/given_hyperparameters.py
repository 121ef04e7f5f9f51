"""Coverage of the intervals of the statistics that hold the hyperparameters fixed, in redrawn ledgers."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.ledger.arrays import networks_of
from leaderboard.ranking.entry import IntervalsGiven
from leaderboard.ranking.groups import Options, groups, resamples
from leaderboard.ranking.readable_units import Units
from tests.leaderboard.simulations.interval_coverage import SPREAD, Design

SCORES: Final = (0.0, 1.0, 3.0)  # how much of the gap's noise a score knows, in units of the score's noise
FIGURES: Final = ("partial_spearman", "residual_spearman", "increment")

Key = tuple[str, float]


def ledger(design: Design, replicates: int, rng: np.random.Generator) -> pd.DataFrame:
    """Networks whose gap and scores follow the hyperparameters, each less than the one before."""
    table = np.repeat(design(rng), replicates, axis=0)
    frame = pd.DataFrame(table, columns=[f"hp.{i}" for i in range(table.shape[1])])
    effects = 0.5 / 3.0 ** np.arange(table.shape[1])
    noise = SPREAD * rng.normal(size=len(table))
    frame["loss_gap"] = table @ effects + noise  # a loss, so that no time goes into label equivalents
    for known in SCORES:
        frame[f"measure.{known}"] = table @ effects[::-1] + SPREAD * rng.normal(size=len(table)) + known * noise
    return frame


def figures(frame: pd.DataFrame, count: int, seed: int) -> dict[Key, tuple[float, tuple[float, float] | None]]:
    """Of each score every statistic with its interval from a number of resamples, as a ranking takes them."""
    options = Options(bootstrap=count, permutations=0, seed=seed, seeds="averaged", weights="hoeffding")
    networks, _ = networks_of(frame, "loss_gap", None, None)
    (group,) = groups(networks, options, resamples(networks, options))
    judged, units = group.panel.judge(group.names)[0], Units(group, options, {})
    found: dict[Key, tuple[float, tuple[float, float] | None]] = {}
    for name, one in judged.items():
        readable = units.of(name, one.statistics)
        given: IntervalsGiven = readable.interval_given
        assert one.statistics.partial_spearman is not None
        assert readable.residual_spearman is not None
        assert readable.increment is not None
        values = one.statistics.partial_spearman, readable.residual_spearman, readable.increment.delta_mse
        for figure, value in zip(FIGURES, values, strict=True):
            found[figure, float(name)] = value, getattr(given, figure)
    return found


def held(design: Design, replicates: int, ledgers: int, redrawn: int, count: int) -> Mapping[Key, tuple[float, float]]:
    """By statistic and score: the truth, the mean of redrawn ledgers, and the share of the intervals that hold it."""
    rng = np.random.default_rng(0)
    sample = [figures(ledger(design, replicates, rng), 0, seed) for seed in range(redrawn)]
    truth = {key: float(np.mean([found[key][0] for found in sample])) for key in sample[0]}
    counts = dict.fromkeys(truth, 0)
    for seed in range(ledgers):
        for key, (_, ends) in figures(ledger(design, replicates, rng), count, seed).items():
            assert ends is not None
            counts[key] += int(ends[0] <= truth[key] <= ends[1])
    return {key: (truth[key], counts[key] / ledgers) for key in truth}
