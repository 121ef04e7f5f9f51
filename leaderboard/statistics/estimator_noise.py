"""Estimator noise: the spread of a score over draws of its estimator against its spread over networks."""

from contextlib import suppress
from statistics import median
from typing import Final

import numpy as np

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.spearman import ranks_of
from leaderboard.statistics.undefined import UndefinedError

LIMIT: Final = 0.2  # above it a ranking of networks is partly a ranking of draws


def ranks_draws(noise: float | None) -> bool:
    """Whether a measure of this noise has no rank among the others; one of unknown noise has."""
    return noise is not None and noise > LIMIT


def noise_ratio(deviations: Floats, scores: Floats) -> float:
    r"""Standard deviation of a score over draws of its estimator, relative to that over networks.

    .. math:: \sqrt{\frac{1}{n} \sum_i s_i^2} \Big/ \mathrm{sd}_i(x_i)

    with the variance over networks divided by n - 1. No unit.

    Args:
        deviations: s, standard deviation of the score over draws, of each network or of some of them.
        scores: x [n], finite.

    Raises:
        UndefinedError: fewer than two networks, or networks that all have the same score.
    """
    if len(scores) < 2:  # noqa: PLR2004  a spread
        raise UndefinedError("A spread needs at least two networks.")
    between = float(scores.std(ddof=1))
    if between == 0:
        raise UndefinedError("All networks have the same score.")
    return float(np.sqrt(np.square(deviations).mean())) / between


def noise_within(deviations: Floats, scores: Floats, group: Ints) -> float:
    """Median of `noise_ratio` over the groups of networks in which it has a value.

    Args:
        deviations: standard deviation [n] of each score over draws.
        scores: [n], finite.
        group: of each network [n], such as its corruption.

    Raises:
        UndefinedError: no group has two networks of different scores.
    """
    ratios = []
    for one in np.unique(group):
        with suppress(UndefinedError):
            ratios.append(noise_ratio(deviations[group == one], scores[group == one]))
    if not ratios:
        raise UndefinedError("No group has two networks of different scores.")
    return median(ratios)


def estimator_noise(scores: Floats) -> float:
    """`noise_ratio` of scores [s, n] of n networks under each of s seeds, whose mean over seeds is the score.

    Raises:
        UndefinedError: as there, or fewer than two draws.
    """
    if len(scores) < 2:  # noqa: PLR2004  a spread
        raise UndefinedError("A spread needs at least two draws.")
    return noise_ratio(scores.std(0, ddof=1), scores.mean(0))


def rank_noise(scores: Floats) -> float:
    """`estimator_noise` of the ranks of the networks under each draw, which a shift common to all does not change."""
    return estimator_noise(np.apply_along_axis(ranks_of, -1, scores))
