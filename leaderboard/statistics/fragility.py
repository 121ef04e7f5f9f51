"""Fragility: shares of a score's variance between configurations and between seeds."""

from dataclasses import dataclass

import numpy as np

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.spearman import ranks_of
from leaderboard.statistics.undefined import UndefinedError


@dataclass(frozen=True, slots=True)
class Fragility:
    """Shares of the variance of a score's ranks, which sum to 1.

    Attributes:
        configurations: between the means of configurations.
        seeds: between replicates of a configuration, draws of the estimator included.
    """

    configurations: float
    seeds: float


def fragility(scores: Floats, configuration: Ints) -> Fragility:
    r"""Estimate the variance components of the scores' ranks by one-way analysis of variance.

    .. math:: s_w^2 = \frac{\sum_c \sum_{i \in c} (r_i - \bar r_c)^2}{n - C}, \quad
              s_b^2 = \max\Big(0, \frac{MS_b - s_w^2}{n_0}\Big), \quad
              n_0 = \frac{n - \sum_c n_c^2 / n}{C - 1}, \quad
              MS_b = \frac{\sum_c n_c (\bar r_c - \bar r)^2}{C - 1}

    with C configurations of n_c replicates each. Ranks make it independent of the unit of the score and robust to its
    largest values.

    Args:
        scores: mu [n], finite.
        configuration: of each network [n].

    Raises:
        UndefinedError: no configuration has two replicates, there is one configuration only, or all scores are the
            same.
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
    return Fragility(of_configurations / total, within / total)
