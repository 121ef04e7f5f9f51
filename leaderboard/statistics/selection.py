"""Quality of picking one of a few networks by a score: normalized regret and top-k hit rate."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.resampling import Interval, interval
from leaderboard.statistics.spearman import ranks_of
from leaderboard.statistics.undefined import UndefinedError, require_contrast

ROUNDING: Final = 1e-12  # a smaller difference from a random pick to the best is none


@dataclass(frozen=True, slots=True)
class Draws:
    """Regret and hit rate on the ledger and in each resample [1 + count]; the first is the ledger's."""

    regret: Floats
    hits: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its interval, None where there are too few configurations or resamples."""

    value: float
    interval: Interval | None


class Pools:
    r"""Random pools of networks of one stratum, from which a score picks the network with its smallest value.

    A pool is m independent draws of a network. With networks sorted by score, S_i the share of those from the i-th on,
    and g the target, its pick is the i-th with probability S_i^m - S_{i+1}^m; equal scores share their probability.
    The figures are exact means over pools, and over strata by their number of networks:

    .. math:: \text{regret} = \frac{E g_\text{pick} - E g_\text{best}}{E g - E g_\text{best}}

    is 0 for the best of each pool and 1 for a random one, above 1 for worse than that. The hit rate is the probability
    that fewer than k of the pool have a smaller target than the pick: given the pick, each of the other m - 1 has one
    with the share of networks with a larger score (equal ones count half) that have.
    The resamples draw configurations, and weight their networks.

    Args:
        target: g [n], finite.
        stratum: of each network [n]; pools are of one.
        configuration: of each network [n].
        counts: how often each configuration is drawn, [count, c].
        size: m.
        top: k.

    Raises:
        UndefinedError: a constant target within every stratum.
    """

    def __init__(
        self, target: Floats, stratum: Ints, configuration: Ints, counts: Floats, *, size: int, top: int
    ) -> None:
        require_contrast(target)
        self._target, self._size, self._top = target, size, top
        every = np.concatenate([np.ones((1, counts.shape[1])), counts])[:, configuration]  # [1 + count, n]
        self._parts = [np.flatnonzero(stratum == code) for code in np.unique(stratum)]
        self._weights = [every[:, part] for part in self._parts]
        self._share = [_share(weights.sum(axis=1), every.sum(axis=1)) for weights in self._weights]
        mean = sum(
            share * _mean(weights, target[part])
            for part, weights, share in zip(self._parts, self._weights, self._share, strict=True)
        )
        self._best = self._picked(target)
        self._random = np.asarray(mean, dtype=np.float64)
        if self._random[0] - self._best[0] <= ROUNDING:
            raise UndefinedError("All networks of a stratum have the same target: there is nothing to select.")

    def of(self, scores: Floats) -> Draws:
        """Compute the figures of a score [n], finite, of which the smallest is picked."""
        spread = self._random - self._best
        missing = np.full_like(spread, np.nan)
        regret = np.divide(self._picked(scores) - self._best, spread, out=missing, where=spread > ROUNDING)
        return Draws(regret=regret, hits=self._hits(scores))

    def _picked(self, scores: Floats) -> Floats:
        """Compute the mean target of the pick [1 + count]."""
        total = np.zeros(len(self._weights[0]))
        for part, weights, share in zip(self._parts, self._weights, self._share, strict=True):
            chance = _chance(scores[part], weights, self._size)
            total += share * (chance @ self._target[part])
        return total

    def _hits(self, scores: Floats) -> Floats:
        from scipy.special import bdtr

        total = np.zeros(len(self._weights[0]))
        for part, weights, share in zip(self._parts, self._weights, self._share, strict=True):
            mu, g = scores[part], self._target[part]
            after = (mu[None] > mu[:, None]) + 0.5 * (mu[None] == mu[:, None])  # [n, n]: of the others, given a pick
            smaller = weights @ (after * (g[None] < g[:, None])).T
            others = weights @ after.T
            rate = np.divide(smaller, others, out=np.zeros_like(smaller), where=others > 0)
            hit = bdtr(self._top - 1, self._size - 1, np.clip(rate, 0, 1))
            total += share * np.einsum("bn,bn->b", _chance(mu, weights, self._size), hit)
        return total


def estimate(draws: Floats, comparisons: int) -> Estimate:
    """Take the value on the ledger and the percentile interval of the resamples.

    Args:
        draws: [1 + count], the ledger's first.
        comparisons: half the number of configurations.
    """
    try:
        ends = interval(draws[1:], comparisons)
    except UndefinedError:
        ends = None
    return Estimate(value=float(draws[0]), interval=ends)


def _chance(scores: Floats, weights: Floats, size: int) -> Floats:
    """Compute the probability [b, n] that a network is picked, each draw being of it with its share of the weights."""
    place = ranks_of(scores)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1.0) > 0)
    sums = np.add.reduceat(weights[:, order], starts, axis=1)  # of each group of equal scores
    total = sums.sum(axis=1, keepdims=True)
    empty = total == 0
    before = (np.cumsum(sums, axis=1) - sums) / np.where(empty, 1, total)
    last = np.concatenate([before[:, 1:], np.ones((len(before), 1))], axis=1)
    group = np.clip(1 - before, 0, 1) ** size - np.clip(1 - last, 0, 1) ** size
    per_weight = np.divide(group, sums, out=np.zeros_like(group), where=sums > 0)
    code = np.cumsum(np.diff(place[order], prepend=-1.0) > 0) - 1
    chance = np.empty_like(weights)
    chance[:, order] = per_weight[:, code]
    return np.asarray(chance * weights, dtype=np.float64)


def _share(part: Floats, whole: Floats) -> Floats:
    """Divide; NaN for a resample that draws none of the networks with a score."""
    return np.asarray(np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0), dtype=np.float64)


def _mean(weights: Floats, values: Floats) -> Floats:
    total = weights.sum(axis=1)
    return np.asarray(np.divide(weights @ values, total, out=np.zeros_like(total), where=total > 0))
