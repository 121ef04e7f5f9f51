"""Weighted sign error of Dziugaite et al.: how often a score orders the replicates of two neighbours wrongly."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.granulated import grid_of, sign_along
from leaderboard.statistics.pairs import Floats, Ints, Levels, joint
from leaderboard.statistics.undefined import UndefinedError, require_contrast

Weights = Literal["hoeffding", "binomial"]
Enough = Literal["share", "published"]

MOST_PAIRS: Final = 500_000  # along one hyperparameter; the paper's largest design has 200,000
EFFECTIVE_NUMBER: Final = 12  # of the pairs of an environment that the paper keeps; it has 10 x 10
ROUNDING: Final = 1e-12  # so that n pairs of equal weight count n
EFFECTIVE_SHARE: Final = 0.12  # of the pairs: the same with ten seeds, and possible with fewer


@dataclass(frozen=True, slots=True)
class Environments:
    """Weighted pairs of networks that differ in one hyperparameter, by environment.

    Attributes:
        first: one network of each pair [p].
        second: the other [p].
        weight: of each pair [p].
        target_sign: sgn(g_a - g_b) of each pair [p].
        index: the environment of each pair [p], 0 to e - 1.
        axis: the hyperparameter in which each environment's two settings differ [e].
        effective: the effective number of pairs of each environment [e].
    """

    first: Ints
    second: Ints
    weight: Floats
    target_sign: NDArray[np.int8]
    index: Ints
    axis: NDArray[np.str_]
    effective: Floats


@dataclass(frozen=True, slots=True)
class SignError:
    """Weighted sign errors over environments: in [0, 1], 0.5 for an uninformative score.

    Attributes:
        mean: over environments.
        p90: 90th percentile over environments, linearly interpolated.
        max: over environments, the robust sign error.
        environments: their number, counting each direction, as in the paper.
    """

    mean: float
    p90: float
    max: float
    environments: int


def hoeffding_weight(difference: Floats, test_size: Floats) -> Floats:
    r"""Compute the confidence that two observed gaps have the order of the true ones, above that of a coin toss.

    .. math:: w = \max(0, W - 1/2), \quad W = \max\big(0, 1 - 2 e^{-2 n (|\Delta g| / 2)^2}\big)^2

    With n = 10,000 a pair counts from a difference of 0.0196 on. Unit: none, in [0, 1/2].
    Source: Dziugaite et al. 2020, arXiv:2010.11924.

    Args:
        difference: of the two gaps [p].
        test_size: n [p], the number of test examples behind them.
    """
    confidence = np.maximum(0, 1 - 2 * np.exp(-2 * test_size * (np.abs(difference) / 2) ** 2)) ** 2
    return np.asarray(np.maximum(0, confidence - 0.5), dtype=np.float64)


def binomial_weight(difference: Floats, test_size: Floats, accuracies: tuple[Floats, Floats]) -> Floats:
    r"""Compute the same with exact probabilities instead of Hoeffding's bound.

    .. math:: w = \max(0, W - 1/2), \quad
              W = \prod_{x \in \{a, b\}} P\big(|X / n - p_x| < |\Delta g| / 2\big), \quad X \sim \mathrm{Bin}(n, p_x)

    Both observed accuracies are within half the difference of the true ones, which then have the same order. p is taken
    to be the observed accuracy. Hoeffding's bound holds for any p and requires at least the difference that p = 1/2
    needs; near 0 and 1 far smaller differences are certain. Departs from the paper, which uses the bound.
    Unit: none, in [0, 1/2].

    Args:
        difference: of the two gaps [p].
        test_size: n [p].
        accuracies: of the two networks on their test examples, each [p].
    """
    from scipy.stats import binom

    n = np.round(test_size)
    half = np.abs(difference) / 2 - 1e-12  # strictly within, whatever the rounding of a share of examples
    confidence = np.ones_like(difference)
    for p in accuracies:
        most, least = np.ceil(n * (p + half)) - 1, np.floor(n * (p - half)) + 1
        confidence *= np.maximum(0, binom.cdf(most, n, p) - binom.cdf(least - 1, n, p))
    return np.asarray(np.maximum(0, confidence - 0.5), dtype=np.float64)


def environments_of(
    target: Floats,
    levels: Levels,
    test_size: Floats,
    accuracy: Floats | None = None,
    *,
    weights: Weights = "hoeffding",
    enough: Enough = "share",
) -> Environments:
    """Find the environments of a set of networks whose targets differ by more than the noise of the test set.

    An environment is a pair of configurations that differ in exactly one hyperparameter; every network of one is
    compared with every network of the other. It is kept if the effective number of its pairs,
    (sum w)^2 / sum w^2, is large enough. The paper requires 12 of 100 pairs.

    Args:
        target: a gap or an error [n], in units of accuracy.
        levels: the code [n] of each hyperparameter.
        test_size: number of test examples of each network [n]; a pair takes the smaller.
        accuracy: on the test examples [n]; for binomial weights only.
        weights: Hoeffding's bound, as in the paper, or exact binomial probabilities.
        enough: "share" for `EFFECTIVE_SHARE` of the pairs, so that with one network a configuration each pair whose
            weight is not 0 is kept; "published" for `EFFECTIVE_NUMBER` pairs, however many seeds are missing.

    Raises:
        UndefinedError: nothing to compare; the message says whether for want of neighbours or of differences.
    """
    require_contrast(target)
    n = len(target)
    grid = grid_of(levels, n, kept=True, most=MOST_PAIRS)
    if not grid.axes:
        raise UndefinedError(grid.why_empty)
    first = np.concatenate([axis.first for axis in grid.axes.values()])
    second = np.concatenate([axis.second for axis in grid.axes.values()])
    which = np.repeat(np.arange(len(grid.axes)), [len(axis.first) for axis in grid.axes.values()])
    setting = joint(levels.values(), n)
    index = joint(list(np.sort(setting[[first, second]], axis=0)), len(first))
    difference, size = np.abs(target[first] - target[second]), np.minimum(test_size[first], test_size[second])
    if weights == "hoeffding":
        weight = hoeffding_weight(difference, size)
    elif accuracy is None or not np.isfinite(accuracy).all():
        raise UndefinedError("Binomial weights need the test accuracy of every network; the ledger does not have it.")
    elif accuracy.min() < 0 or accuracy.max() > 1 or not np.isfinite(test_size).all():
        raise UndefinedError("Binomial weights need test accuracies between 0 and 1, and finite test sizes.")
    else:
        weight = binomial_weight(difference, size, (accuracy[first], accuracy[second]))
    total, square = np.bincount(index, weight), np.bincount(index, weight**2)
    least = EFFECTIVE_SHARE * np.bincount(index) if enough == "share" else EFFECTIVE_NUMBER
    kept = (total > 0) & (total**2 >= least * square * (1 - ROUNDING))
    if not kept.any():
        fewer = "" if enough == "share" else f", with an effective number of {EFFECTIVE_NUMBER} pairs,"
        raise UndefinedError(f"In no environment{fewer} do the targets differ by more than the test set resolves.")
    axis_of = np.zeros(len(total), dtype=np.int64)
    axis_of[index] = which
    pairs = kept[index]
    signs = np.concatenate([sign_along(axis, target) for axis in grid.axes.values()])
    return Environments(
        first=first[pairs],
        second=second[pairs],
        weight=weight[pairs],
        target_sign=signs[pairs],
        index=(np.cumsum(kept) - 1)[index[pairs]],
        axis=np.array(list(grid.axes), dtype=np.str_)[axis_of[kept]],
        effective=total[kept] ** 2 / square[kept],
    )


def environment_losses(environments: Environments, scores: Floats) -> Floats:
    r"""Compute the weighted sign error in each environment [e].

    .. math:: L_e = \frac{\sum w \, SE}{\sum w}, \quad
              SE = \tfrac{1}{2} \big(1 - \mathrm{sgn}(\mu_a - \mu_b) \, \mathrm{sgn}(g_a - g_b)\big)

    over the pairs of replicates, one of each setting; a tie counts 1/2.
    Source: Dziugaite et al. 2020, arXiv:2010.11924.
    """
    a, b = scores[environments.first], scores[environments.second]
    agreement = ((a > b).astype(np.int8) - (a < b)) * environments.target_sign
    wrong = np.bincount(environments.index, environments.weight * (1 - agreement) / 2)
    return np.asarray(wrong / np.bincount(environments.index, environments.weight), dtype=np.float64)


def sign_error(losses: Floats) -> SignError:
    """Summarise the losses [e] of some environments, each counted in both directions as in the paper."""
    directed = np.repeat(losses, 2)
    return SignError(
        float(directed.mean()), float(np.percentile(directed, 90)), float(directed.max()), int(directed.size)
    )
