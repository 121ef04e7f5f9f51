"""Bootstrap over configurations, whose replicates are always drawn together."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri, stdtr

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.undefined import UndefinedError

COVERAGE: Final = 0.95
FEWEST: Final = 3  # disjoint comparisons: of fewer, a spread is no estimate
NO_SPREAD: Final = 1e-6  # a standard error or a width below this is rounding
NODES: Final = np.array([5e-4, 2e-3, 5e-3, 0.0125, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5])  # between them: interpolated
ROWS: Final = 512  # of a matrix of signs held at a time


class Interval(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float

    def times(self, sign: int) -> "Interval":
        """The interval of the figure times a sign of +1 or -1."""
        return self if sign > 0 else Interval(-self.high, -self.low)


def draw(size: int, count: int, rng: np.random.Generator) -> Floats:
    """Draw how often each of `size` units occurs in each of `count` resamples, [count, size]."""
    if size == 0:
        return np.zeros((count, 0))
    return rng.multinomial(size, np.full(size, 1 / size), size=count).astype(np.float64)


def interval(draws: Floats, comparisons: int | None = None) -> Interval:
    """Compute the percentile interval at 95 % of the draws that have a value.

    Args:
        draws: a statistic in each resample [count], NaN where undefined.
        comparisons: number of disjoint comparisons between what is resampled, half the number of configurations; None
            for means of draws that had enough of them.

    Raises:
        UndefinedError: no resamples, or fewer than half of them have a value; fewer than `FEWEST` comparisons.
    """
    if len(draws) == 0:
        raise UndefinedError("No resamples were asked for.")
    if comparisons is not None and comparisons < FEWEST:
        raise UndefinedError(f"It needs at least {FEWEST} disjoint comparisons to resample; there are {comparisons}.")
    valid = draws[~np.isnan(draws)]
    if 2 * len(valid) < len(draws):
        raise UndefinedError(f"Only {len(valid)} of {len(draws)} resamples have a value.")
    low, high = np.quantile(valid, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Interval(float(low), float(high))


def all_alike(comparisons: int) -> float:
    r"""Compute the probability that this many disjoint comparisons all agree if each is a coin toss.

    .. math:: 2^{1 - m}

    two-sided, at most 1: the p-value of a difference whose resamples are all equal, which cannot be tested against its
    standard error.
    """
    return min(1.0, 2.0 ** (1 - comparisons))


def confidence_draws(value: float, draws: Floats, variance: float, comparisons: int, shares: Floats) -> Floats:
    r"""Replace the resamples [count] of a coefficient in [-1, 1] by draws from its confidence distribution, in order.

    The coefficient is taken for one of m* independent comparisons, a share p = (1 + tau) / 2 of which agree, and a draw
    at level u is the end of the one-sided interval of Clopper and Pearson at this level:

    .. math:: B^{-1}_u(x, y + 1) \; (u < \tfrac{1}{2}), \quad B^{-1}_u(x + 1, y) \; (u \ge \tfrac{1}{2}), \quad
              x = m^* p, \; y = m^* (1 - p)

    As Korn & Graubard do for surveys, m* is the number of independent comparisons that have the variance V of the
    coefficient; 1 / m is added above and below, a quarter of what one of m comparisons that disagrees adds to
    1 - tau^2, because near the ends V comes from the few comparisons that disagree:

    .. math:: m^* = m \max\Big(1, \frac{1 - \tau^2 + 1 / m}{m V + 1 / m}\Big)

    over m disjoint comparisons, whose mean varies no less than the coefficient (Hoeffding 1963, section 5). No draw is
    nearer to an end than if all of the m comparisons agreed, so that for one ratio of V to 1 - tau^2 the draws rise
    with the coefficient. The ends at 95 % of a coefficient of 1 are 2 * 0.025^(1 / m) - 1 and 1.
    Sources: Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404; Korn & Graubard 1998, Survey Methodology 24, 193-201;
    Hoeffding 1963, doi:10.1080/01621459.1963.10500830.

    Args:
        value: tau.
        draws: of tau or departures from it [count], of which only the order is used; NaN where undefined.
        variance: V.
        comparisons: m, at least 1.
        shares: decide between draws that tie [count].
    """
    added = 1 / comparisons
    effective = max(comparisons, comparisons * (1 - value**2 + added) / (comparisons * variance + added))
    agreeing = effective * (1 + value) / 2
    found = np.full(len(draws), np.nan)
    valid = np.flatnonzero(~np.isnan(draws))
    order = valid[np.lexsort((shares[valid], np.round(draws[valid], 12)))]
    level = (np.arange(len(order)) + 0.5) / max(1, len(order))
    low = np.interp(level, NODES, _lower(agreeing, effective - agreeing, comparisons))
    high = np.interp(1 - level, NODES, _lower(effective - agreeing, agreeing, comparisons))
    found[order] = 2 * np.where(level < NODES[-1], low, 1 - high) - 1
    return found


def _lower(agreeing: float, others: float, comparisons: int) -> Floats:
    """Compute the lower ends of a share at the levels `NODES`, at most those of comparisons that all agree."""
    if agreeing <= 0:
        return np.zeros_like(NODES)
    return np.asarray(np.minimum(betaincinv(agreeing, others + 1, NODES), NODES ** (1 / comparisons)))


def normal_score(t: Floats, degrees: Floats) -> Floats:
    """Convert t to the standard normal quantile with the same tail probability."""
    return np.asarray(-np.sign(t) * ndtri(stdtr(degrees, -np.abs(t))), dtype=np.float64)


class TauBDraws:
    """Computes tau-b in each resample of configurations.

    Args:
        counts: how often each configuration is drawn, [count, c].
        configuration: of each network [n].
        target: g [n], finite.
    """

    def __init__(self, counts: Floats, configuration: Ints, target: Floats) -> None:
        self._counts = counts.astype(np.float32)  # whole numbers, and so are all sums below 2^24
        self._order = np.argsort(configuration, kind="stable")
        self._starts = np.unique(configuration[self._order], return_index=True)[1]
        self._target = target[self._order]
        self._per_network = counts[:, configuration[self._order]]
        self._untied_g = self._untied(self._target)

    def of(self, scores: Floats) -> Floats:
        """Compute tau-b [count] of one measure's scores [n]; NaN if a resample has no untied pair.

        A configuration drawn twice counts twice. Copies of a network tie in score and target, so tau-b ignores their
        pairs.
        """
        scores = scores[self._order]
        agreement = np.zeros(len(self._counts))
        for begin in range(0, len(self._starts), ROWS):
            end = min(begin + ROWS, len(self._starts))
            block = self._agreement(scores, begin, end)  # rows begin to end, columns begin to c: the rest mirrors it
            block[:, end - begin :] *= 2
            products = self._counts[:, begin:end] @ block
            agreement += np.einsum("dc,dc->d", products, self._counts[:, begin:], dtype=np.float64)
        denominator = np.sqrt(self._untied(scores) * self._untied_g)
        missing = np.full_like(agreement, np.nan)
        return np.asarray(np.divide(agreement, denominator, out=missing, where=denominator > 0), dtype=np.float64)

    def _agreement(self, scores: Floats, begin: int, end: int) -> NDArray[np.float32]:
        """Sum the agreements between the networks of two configurations, [end - begin, c - begin]."""
        starts, n = self._starts, len(scores)
        here = slice(starts[begin], starts[end] if end < len(starts) else n)
        mu, g = scores[starts[begin] :], self._target[starts[begin] :]
        signs = ((scores[here, None] > mu).astype(np.int8) - (scores[here, None] < mu)) * (
            (self._target[here, None] > g).astype(np.int8) - (self._target[here, None] < g)
        )
        table = signs.astype(np.float32)
        if len(starts) == n:
            return table
        rows = np.add.reduceat(table, starts[begin:end] - starts[begin], axis=0)
        return np.asarray(np.add.reduceat(rows, starts[begin:] - starts[begin], axis=1), dtype=np.float32)

    def _untied(self, values: Floats) -> Floats:
        """Count the ordered pairs of different values in each resample [count]."""
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.concatenate([[True], values[order][1:] != values[order][:-1]]))
        total = self._per_network.sum(axis=1)
        if len(starts) == len(values):  # only copies tie
            groups = self._per_network
        else:
            groups = np.add.reduceat(self._per_network[:, order], starts, axis=1)
        return np.asarray(total**2 - np.einsum("dg,dg->d", groups, groups), dtype=np.float64)
