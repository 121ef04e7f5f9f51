"""Intervals of the statistics that hold the hyperparameters fixed, from a bootstrap of residuals."""

import numpy as np

from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.resampling import Interval, interval


def interval_of_correlation(first: Floats, second: Floats, weights: Floats, widening: float) -> Interval:
    r"""Compute the interval of the correlation of two columns of residuals.

    .. math:: \tanh\big(\mathrm{artanh}\, r + f \, (\mathrm{artanh}\, r^* - \mathrm{artanh}\, r)\big)

    over resamples r*, of Fisher's transformation. The residuals keep their values and their ranks. They were left by
    coefficients that the same networks gave, which the factor f, sqrt(n / (n - coefficients)), allows for.

    Args:
        first: residuals or their ranks [n].
        second: of the other variable [n].
        weights: how often each network is drawn [count, n].
        widening: f.

    Raises:
        UndefinedError: no resamples, or fewer than half of them have a value.
    """
    total = np.maximum(weights.sum(axis=1), 1)  # a resample may draw none of these networks
    one, other = weights @ first / total, weights @ second / total
    both = weights @ (first * second) / total - one * other
    spread = (weights @ first**2 / total - one**2) * (weights @ second**2 / total - other**2)
    some = spread > 0
    draws = np.divide(both, np.sqrt(np.maximum(spread, 0)), out=np.full_like(both, np.nan), where=some)
    centre = _stretch(np.corrcoef(first, second)[0, 1])
    return interval(np.tanh(centre + widening * (_stretch(draws) - centre)))


def interval_of_reduction(with_score: Floats, without: Floats, weights: Floats, widening: float) -> Interval:
    """Compute the interval of the share of the squared error that a score removes, from the residuals [n].

    Args:
        with_score: residuals of the prediction with the score [n].
        without: and without it [n].
        weights: how often each network is drawn [count, n].
        widening: as of `interval_of_correlation`.

    Raises:
        UndefinedError: no resamples, or fewer than half of them have a value.
    """
    known = weights @ without**2
    draws = 1 - np.divide(weights @ with_score**2, known, out=np.full_like(known, np.nan), where=known > 0)
    value = 1 - float((with_score**2).sum() / (without**2).sum())
    return interval(value + widening * (draws - value))


def _stretch(correlation: Floats) -> Floats:
    return np.asarray(np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12)), dtype=np.float64)
