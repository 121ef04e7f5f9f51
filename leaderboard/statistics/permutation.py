"""Permutation test of scores within strata, and the correction for many measures."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.granulated import Grid, sign_along
from leaderboard.statistics.pairs import Floats, Ints

LEVEL: Final = 0.05  # of the whole family of measures
AT_ONCE: Final = 16  # measures whose pairs are held at a time, few enough for the processor's cache
ROUNDING: Final = 1e-6  # of a Psi of single precision; pairs weigh more


def shuffle_within(stratum: Ints, count: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Draw random orders of the units within their strata, [count, u], one stratum after the other.

    Args:
        stratum: of each unit [u].
        count: number of permutations.
        rng: of the permutations.
    """
    keys = rng.random((count, len(stratum))) + stratum
    return np.argsort(keys, axis=1).astype(np.int32)


def sources(order: NDArray[np.int32], stratum: Ints, present: NDArray[np.bool_]) -> Ints:
    """Find whose score each present unit receives, [count, present], as indices among the present ones.

    The same random orders serve every set of units, so that measures that lack a network are permuted almost alike.
    """
    place = np.cumsum(present) - 1
    kept = order[present[order]].reshape(len(order), -1)  # the present units of each order, [count, present]
    receivers = np.argsort(stratum[present], kind="stable")
    found = np.empty_like(kept, dtype=np.int64)
    found[:, receivers] = place[kept]
    return found


def null_psi(grid: Grid, scores: Floats, target: Floats, source: Ints) -> Floats:
    r"""Compute Psi of M measures with permuted scores, [count, M].

    The scores are permuted, not the targets: targets depend on the hyperparameters, and an uninformative score does
    not, so that permuted scores have its distribution in every comparison.

    Args:
        grid: the networks.
        scores: mu of each unit [u, M].
        target: g of each unit [u].
        source: whose score each unit receives [count, u].
    """
    first, second = (np.concatenate([getattr(axis, end) for axis in grid.axes.values()]) for end in ("first", "second"))
    weight = np.concatenate([axis.weight * sign_along(axis, target) for axis in grid.axes.values()]) / len(grid.axes)
    weight = weight.astype(np.float32)
    places = np.stack([np.unique(mu, return_inverse=True)[1] for mu in scores.T], axis=1).astype(np.uint16)  # [u, M]
    null = np.empty((len(source), scores.shape[1]))
    for some in (slice(begin, begin + AT_ONCE) for begin in range(0, scores.shape[1], AT_ONCE)):
        own = np.ascontiguousarray(places[:, some])
        ties = bool((own.max(axis=0) + 1 < len(own)).any())
        for draw, received in enumerate(source):
            moved = own[received]
            a, b = moved.take(first, axis=0), moved.take(second, axis=0)
            found = 2 * (weight @ (a > b).astype(np.float32)) - weight.sum()  # sgn = 2 [a > b] - 1 + [a = b]
            null[draw, some] = found + weight @ (a == b).astype(np.float32) if ties else found
    return null


def p_value(observed: float, null: Floats) -> float:
    r"""Compute the two-sided permutation p-value about the mean of the null.

    .. math:: p = \frac{1 + \#\{b : |T_b - \bar T| \ge |T - \bar T|\}}{1 + B}

    Source: Phipson & Smyth 2010, doi:10.2202/1544-6115.1585: never 0.
    """
    distance = np.abs(null - null.mean())
    return float((1 + np.count_nonzero(distance >= abs(observed - null.mean()) - ROUNDING)) / (1 + len(null)))


def step_down(observed: Floats, null: Floats) -> Floats:
    r"""Correct the p-values [M] of M tests so that the probability of any false rejection stays below the level.

    The free step-down maximum of Westfall & Young 1993: with the tests ordered by |z|, the largest first,

    .. math:: p_{(j)} = \max_{i \le j} \frac{1 + \#\{b : \max_{k \ge i} |z^b_{(k)}| \ge |z_{(i)}|\}}{1 + B}

    Joint draws carry the dependence between measures, so that near copies of a measure cost no power.

    Args:
        observed: z [M], standardised.
        null: z^b [B, M] under the null, drawn jointly and standardised alike.
    """
    order = np.argsort(-np.abs(observed), kind="stable")
    largest = np.maximum.accumulate(np.abs(null[:, order[::-1]]), axis=1)[:, ::-1]  # over this and all smaller
    exceed = np.count_nonzero(largest >= np.abs(observed[order]) - 1e-9, axis=0)
    corrected = np.empty(len(observed))
    corrected[order] = np.maximum.accumulate((1 + exceed) / (1 + len(null)))
    return corrected
