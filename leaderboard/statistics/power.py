"""Standard error of the difference between two measures' Psi on a grid, before a network is trained."""

import math
from typing import Final

import numpy as np

from leaderboard.statistics.granulated import Grid
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.undefined import UndefinedError

TYPICAL: Final = 0.4  # Psi of both measures: that of the better ones
OF_A_PAIR: Final = 1.5508  # variance of d_ab
OF_TWO: Final = 0.1262  # covariance of d_ab and d_ac, pairs that share a configuration; by simulation, to 0.0002


def difference_error(grid: Grid) -> float:
    r"""Compute the standard error of the difference between the Psi of two equally good measures.

    The model: in each comparison, target and scores are jointly normal, independent between configurations; both
    measures correlate with the target by rho, so that their Psi is 2 / pi asin rho = `TYPICAL`, and with each other
    only through it. With d_ab the difference of the two agreements of a pair and w_ab its weight in Psi,

    .. math:: s^2 = (\mathrm{Var}\, d_{ab} - 2 \, \mathrm{Cov}(d_{ab}, d_{ac})) \sum_{ab} w_{ab}^2
              + \mathrm{Cov}(d_{ab}, d_{ac}) \sum_c \Big(\sum_b w_{cb}\Big)^2, \quad
              \mathrm{Var}\, d_{ab} = 2 - \tfrac{4}{\pi} \mathrm{asin} \rho^2

    Measures that resemble each other differ by less, and replicates, which the model averages into a configuration
    without a gain, make the error smaller.

    Raises:
        UndefinedError: no two configurations differ in one hyperparameter alone.
    """
    if not grid.axes:
        raise UndefinedError(grid.why_empty)
    units = len(grid.of_unit)
    squares, at_unit = 0.0, np.zeros(units)
    for axis in grid.axes.values():
        weight: Floats = axis.weight / len(grid.axes)
        squares += float(np.square(weight).sum())
        at_unit += np.bincount(axis.first, weight, units) + np.bincount(axis.second, weight, units)
    return math.sqrt((OF_A_PAIR - 2 * OF_TWO) * squares + OF_TWO * float(np.square(at_unit).sum()))
