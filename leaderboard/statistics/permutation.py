"""What chance alone would give: permutation of the target within strata, and the correction for many measures."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.granulated import Agreements, Grid, sign_along
from leaderboard.statistics.pairs import Floats, Ints

LEVEL: Final = 0.05  # of the whole family of measures
CHUNK: Final = 100  # permutations held at a time


def shuffled(stratum: Ints, count: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Random orders of the units within their strata, [count, u]: the strata one after the other, as `sources` reads.

    Args:
        stratum: of each unit [u].
        count: number of permutations.
        rng: decides them.
    """
    keys = rng.random((count, len(stratum))) + stratum
    return np.argsort(keys, axis=1).astype(np.int32)


def sources(order: NDArray[np.int32], stratum: Ints, present: NDArray[np.bool_]) -> Ints:
    """Whose target each present unit receives, [count, present], as places among the present ones.

    The same random orders serve every set of units, so that measures that lack a network are permuted as alike as can
    be.
    """
    place = np.cumsum(present) - 1
    kept = order[present[order]].reshape(len(order), -1)  # the present units of each order, [count, present]
    receivers = np.argsort(stratum[present], kind="stable")
    found = np.empty_like(kept, dtype=np.int64)
    found[:, receivers] = place[kept]
    return found


def null_psi(grid: Grid, signs: Mapping[str, Agreements], target: Floats, source: Ints) -> Floats:
    """Psi of M measures where targets have changed places, [count, M].

    Args:
        grid: the networks.
        signs: sgn(mu_a - mu_b) along each axis, [p, M].
        target: of each unit [u].
        source: whose target each unit receives [count, u].
    """
    some = next(iter(signs.values()))
    total = np.zeros((len(source), some.shape[1]))
    for begin in range(0, len(source), CHUNK):
        drawn = target[source[begin : begin + CHUNK]].T  # [u, chunk]
        for name, axis in grid.axes.items():
            s_g = sign_along(axis, drawn) * axis.weight[:, None]  # [p, chunk]
            total[begin : begin + CHUNK] += s_g.T @ signs[name].astype(np.float64)
    return total / len(grid.axes)


def p_value(observed: float, null: Floats) -> float:
    r"""The two-sided permutation p-value about the mean of the null.

    .. math:: p = \frac{1 + \#\{b : |T_b - \bar T| \ge |T - \bar T|\}}{1 + B}

    Source: Phipson & Smyth 2010, doi:10.2202/1544-6115.1585: never 0.
    """
    distance = np.abs(null - null.mean())
    return float((1 + np.count_nonzero(distance >= abs(observed - null.mean()) - 1e-9)) / (1 + len(null)))


def step_down(observed: Floats, null: Floats) -> Floats:
    r"""P-values [M] corrected for all M tests: the chance of any false rejection stays below the level.

    The free step-down maximum of Westfall & Young 1993: with the tests ordered by |z|, the largest first,

    .. math:: p_{(j)} = \max_{i \le j} \frac{1 + \#\{b : \max_{k \ge i} |z^b_{(k)}| \ge |z_{(i)}|\}}{1 + B}

    Joint draws carry the dependence between measures, so that near copies of one measure cost nothing.

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
