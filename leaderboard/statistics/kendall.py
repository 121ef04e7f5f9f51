"""Kendall's rank correlation of a score with the target: tau-a and tau-b."""

import math

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.pairs import Cells, PairCounter
from leaderboard.statistics.undefined import UndefinedError, require_contrast

Floats = NDArray[np.float64]


def tau_a(scores: Floats, target: Floats) -> float:
    """Compute tau-a of one measure; see `tau_a_of`.

    Raises:
        UndefinedError: fewer than two networks, or a constant target.
    """
    require_contrast(target)
    return tau_a_of(PairCounter(target, {}).count(scores))


def tau_a_of(cells: Cells) -> float:
    r"""Compute Kendall's tau-a.

    .. math:: \tau_a = \frac{1}{n (n - 1)} \sum_{a \neq b} \mathrm{sgn}(\mu_a - \mu_b) \, \mathrm{sgn}(g_a - g_b)

    A tied pair counts as 0 and stays in the denominator, so a constant score has tau-a 0 and ties keep it below 1.
    Unit: none, in [-1, 1]. Source: Jiang et al. 2020, arXiv:1912.02178.

    Args:
        cells: the pairs of the networks, of which the first set is the empty one.
    """
    return int(_agreement(cells)) / int(cells.all[0] - cells.selves[0])


def tau_b(scores: Floats, target: Floats) -> float:
    """Compute tau-b of one measure; see `tau_b_of`.

    Raises:
        UndefinedError: fewer than two networks, a constant target or a constant score.
    """
    require_contrast(target)
    return tau_b_of(PairCounter(target, {}).count(scores))


def tau_b_of(cells: Cells) -> float:
    r"""Compute Kendall's tau-b: tau-a without the tied pairs in the denominator.

    .. math:: \tau_b = \frac{\sum_{a \neq b} s^\mu_{ab} s^g_{ab}}{\sqrt{\sum |s^\mu_{ab}| \; \sum |s^g_{ab}|}},
              \quad s^x_{ab} = \mathrm{sgn}(x_a - x_b)

    Unit: none, in [-1, 1]. Source: Kendall 1945, Biometrika 33(3).

    Args:
        cells: the pairs of the networks, of which the first set is the empty one; the target is not constant.

    Raises:
        UndefinedError: a constant score.
    """
    untied_mu, untied_g = int(2 * cells.above_mu[0]), int(2 * cells.above_g[0])
    if untied_mu == 0:
        raise UndefinedError("All networks have the same score: tau-b divides by the number of untied pairs.")
    return int(_agreement(cells)) / math.sqrt(untied_mu * untied_g)


def _agreement(cells: Cells) -> float:
    """Sum the products of signs over ordered pairs: twice (above - below) over those with mu_a > mu_b."""
    below = cells.above_mu[0] - cells.above[0] - cells.above_tied[0]
    return float(2 * (cells.above[0] - below))
