"""Fragility: shares of a score's variance between seeds and between draws of its estimator."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.spearman import ranks_of
from leaderboard.statistics.undefined import UndefinedError

REDRAWS: Final = 8


@dataclass(frozen=True, slots=True)
class Fragility:
    """Shares of the variance of a score's ranks, which sum to 1.

    Attributes:
        configurations: between the means of configurations.
        seeds: between replicates of a configuration, without the estimator's part if that is known.
        draws: between repeated draws of the estimator on one network; None if the ledger does not have it.
    """

    configurations: float
    seeds: float
    draws: float | None


def fragility(scores: Floats, configuration: Ints, noise: Floats | None, rng: np.random.Generator) -> Fragility:
    r"""Estimate the variance components of the scores' ranks by one-way analysis of variance.

    .. math:: s_w^2 = \frac{\sum_c \sum_{i \in c} (r_i - \bar r_c)^2}{n - C}, \quad
              s_b^2 = \max\Big(0, \frac{MS_b - s_w^2}{n_0}\Big), \quad
              n_0 = \frac{n - \sum_c n_c^2 / n}{C - 1}, \quad
              MS_b = \frac{\sum_c n_c (\bar r_c - \bar r)^2}{C - 1}

    with C configurations of n_c replicates each. Ranks make it independent of the unit of the score and robust to its
    largest values. The part of s_w^2 that comes from the estimator is simulated: scores + noise z, z standard normal,
    are ranked twice, and half of the mean squared difference of the ranks, at most s_w^2, is its share.

    Args:
        scores: mu [n], finite.
        configuration: of each network [n].
        noise: standard deviation [n] of each score over draws of its estimator; None where unknown.
        rng: of the simulated draws.

    Raises:
        UndefinedError: no configuration has two replicates, there is one configuration only, all scores are the same,
            or the noise is no standard deviation.
    """
    sizes = np.bincount(configuration)
    n, count = len(scores), len(sizes)
    if n == count:
        raise UndefinedError("No configuration has two networks with a score.")
    if count < 2:  # noqa: PLR2004  between
        raise UndefinedError("There is one configuration only.")
    if scores.min() == scores.max():
        raise UndefinedError("All networks have the same score.")
    ranks = ranks_of(scores)
    means = np.bincount(configuration, ranks) / sizes
    within = float(np.sum((ranks - means[configuration]) ** 2)) / (n - count)
    between = float(sizes @ (means - ranks.mean()) ** 2) / (count - 1)
    replicates = (n - float(sizes @ sizes) / n) / (count - 1)
    of_configurations = max(0.0, (between - within) / replicates)
    total = within + of_configurations
    if noise is None:
        return Fragility(of_configurations / total, within / total, None)
    if not (np.isfinite(noise) & (noise >= 0)).all():
        raise UndefinedError("A standard deviation of the estimator is negative or infinite.")
    drawn = scores + noise * rng.standard_normal((2, REDRAWS, n))
    first, second = np.apply_along_axis(ranks_of, -1, drawn)
    of_draws = min(within, float(np.mean((first - second) ** 2)) / 2)
    return Fragility(of_configurations / total, (within - of_draws) / total, of_draws / total)
