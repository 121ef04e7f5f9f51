"""Kendall's rank correlation of a score with the target: tau-a and tau-b."""

import math

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.undefined import Undefined, require_contrast

Signs = NDArray[np.int8]


def signs(values: NDArray[np.float64]) -> Signs:
    """sgn(x_a - x_b) for every ordered pair, [n, n]; by comparison, so that no difference overflows."""
    return (values[:, None] > values).astype(np.int8) - (values[:, None] < values).astype(np.int8)


def tau_a(scores: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    r"""Kendall's tau-a.

    .. math:: \tau_a = \frac{1}{n (n - 1)} \sum_{a \neq b} \mathrm{sgn}(\mu_a - \mu_b) \, \mathrm{sgn}(g_a - g_b)

    A tied pair counts as 0 and stays in the denominator, so a constant score has 0 and ties keep tau-a away from 1.
    Unit: none, in [-1, 1]. Source: Jiang et al. 2020, arXiv:1912.02178.

    Args:
        scores: mu [n], finite.
        target: g [n], finite.

    Raises:
        Undefined: fewer than two networks, or a constant target.
    """
    require_contrast(target)
    n = len(target)
    return int((signs(scores) * signs(target)).sum(dtype=np.int64)) / (n * (n - 1))


def tau_b(scores: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    r"""Kendall's tau-b: tau-a with the tied pairs taken out of the denominator.

    .. math:: \tau_b = \frac{\sum_{a \neq b} s^\mu_{ab} s^g_{ab}}{\sqrt{\sum |s^\mu_{ab}| \; \sum |s^g_{ab}|}},
              \quad s^x_{ab} = \mathrm{sgn}(x_a - x_b)

    Unit: none, in [-1, 1]. Source: Kendall 1945, Biometrika 33(3).

    Args:
        scores: mu [n], finite.
        target: g [n], finite.

    Raises:
        Undefined: fewer than two networks, a constant target or a constant score.
    """
    require_contrast(target)
    s_mu, s_g = signs(scores), signs(target)
    untied_mu, untied_g = int(np.count_nonzero(s_mu)), int(np.count_nonzero(s_g))
    if untied_mu == 0:
        raise Undefined("All networks have the same score: tau-b divides by the number of untied pairs.")
    return int((s_mu * s_g).sum(dtype=np.int64)) / math.sqrt(untied_mu * untied_g)
