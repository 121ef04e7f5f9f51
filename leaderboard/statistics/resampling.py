"""Bootstrap over configurations, whose replicates are always drawn together."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri, stdtr

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.undefined import UndefinedError

COVERAGE: Final = 0.95
FEWEST: Final = 3  # disjoint comparisons: of fewer, a spread is no estimate
FEWEST_ALIKE: Final = 6  # that there is no spread: were they tosses, six would agree 1 time in 32, five 1 time in 16
NO_SPREAD: Final = 1e-6  # a standard error or a width below this is rounding
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
        UndefinedError: no resamples, or fewer than half of them have a value; fewer than `FEWEST` comparisons, or than
            `FEWEST_ALIKE` where all draws are one value, for then the spread is not none but unseen.
    """
    if len(draws) == 0:
        raise UndefinedError("No resamples were asked for.")
    if comparisons is not None and comparisons < FEWEST:
        raise UndefinedError(f"It needs at least {FEWEST} disjoint comparisons to resample; there are {comparisons}.")
    valid = draws[~np.isnan(draws)]
    if 2 * len(valid) < len(draws):
        raise UndefinedError(f"Only {len(valid)} of {len(draws)} resamples have a value.")
    low, high = np.quantile(valid, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    if comparisons is not None and comparisons < FEWEST_ALIKE and np.ptp(valid) < NO_SPREAD:
        raise UndefinedError(
            f"All resamples agree, as {comparisons} disjoint comparisons may by chance; it needs {FEWEST_ALIKE}."
        )
    return Interval(float(low), float(high))


def all_alike(comparisons: int) -> float:
    r"""Compute the probability that this many disjoint comparisons all agree if each is a coin toss.

    .. math:: 2^{1 - m}

    two-sided, at most 1: the p-value of a difference whose resamples are all equal, which cannot be tested against its
    standard error.
    """
    return min(1.0, 2.0 ** (1 - comparisons))


def within_bounds(value: float, departures: Floats) -> Floats:
    r"""Convert linear departures [count] into draws of a coefficient in [-1, 1].

    .. math:: \tanh\Big(\mathrm{artanh}\, \tau + \frac{\delta}{1 - \tau^2}\Big)

    Fisher's transformation: near 1 the draws are skewed away from 1 and none exceeds it. A coefficient of 1 or -1 is
    returned unchanged.
    """
    if abs(value) >= 1:
        return np.full(len(departures), value)
    return np.asarray(np.tanh(np.arctanh(value) + departures / (1 - value**2)), dtype=np.float64)


def student(departures: Floats, degrees: Floats, shares: Floats) -> Floats:
    r"""Widen normal departures [count, M] to Student's distribution by drawing their variance as well.

    .. math:: \delta \sqrt{\nu / \chi^2_\nu}

    A variance with few degrees of freedom makes the tails longer than those of a normal distribution.

    Args:
        departures: delta [count, M].
        degrees: nu [M] of their variance.
        shares: quantile level of each draw's chi-square, uniform in [0, 1) [count].
    """
    return np.asarray(departures * np.sqrt(degrees / (2 * gammaincinv(degrees / 2, 1 - shares[:, None]))))


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
