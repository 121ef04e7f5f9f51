"""Estimator noise: the spread of a score over draws of its estimator against its spread over networks."""

import numpy as np

from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.spearman import ranks_of
from leaderboard.statistics.undefined import UndefinedError


def estimator_noise(scores: Floats) -> float:
    r"""Standard deviation of a score over draws of its estimator, relative to that over networks.

    .. math:: \sqrt{\frac{1}{n} \sum_i \mathrm{Var}_s\, x_{si}} \Big/
        \mathrm{sd}_i \Big( \frac{1}{S} \sum_s x_{si} \Big)

    with variances over S draws and n networks divided by S - 1 and n - 1. Above 0.2 a ranking of the networks is partly
    a ranking of draws. No unit.

    Args:
        scores: x [s, n], of n networks under each of S seeds of the estimator, finite.

    Raises:
        UndefinedError: fewer than two draws or networks, or networks that all have the same mean score.
    """
    if min(scores.shape) < 2:  # noqa: PLR2004  a spread
        raise UndefinedError("A spread needs at least two draws and two networks.")
    between = float(scores.mean(0).std(ddof=1))
    if between == 0:
        raise UndefinedError("All networks have the same score.")
    return float(np.sqrt(scores.var(0, ddof=1).mean())) / between


def rank_noise(scores: Floats) -> float:
    """`estimator_noise` of the ranks of the networks under each draw, which a shift common to all does not change.

    It is the root of the share that `fragility` reports under `draws`, but of networks of one group and from draws that
    were made, where `fragility` simulates them from the column noise.<measure>. Arguments and errors as there.
    """
    return estimator_noise(np.apply_along_axis(ranks_of, -1, scores))
