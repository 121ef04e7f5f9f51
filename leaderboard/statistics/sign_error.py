"""The weighted sign error of Dziugaite et al.: how often a score orders the replicates of two neighbours wrongly."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.granulated import Levels, joint
from leaderboard.statistics.undefined import Undefined, require_contrast

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EFFECTIVE_SHARE: Final = 0.12  # the paper keeps an environment of 10 x 10 seed pairs if its effective number is >= 12


@dataclass(frozen=True, slots=True)
class Environments:
    """The p weighted pairs of networks that differ in one hyperparameter, by environment.

    Attributes:
        first: one network of each pair [p].
        second: the other [p].
        weight: Hoeffding weight of each pair [p].
        index: the environment of each pair [p], 0 to e - 1.
        axis: the hyperparameter in which each environment's two settings differ [e].
    """

    first: Ints
    second: Ints
    weight: Floats
    index: Ints
    axis: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class SignError:
    """Weighted sign errors over environments: in [0, 1], 0.5 for a score that says nothing.

    Attributes:
        mean: over environments.
        p90: 90th percentile over environments, linearly interpolated.
        max: over environments, the robust sign error.
        environments: their number, each direction counted, as in the paper.
    """

    mean: float
    p90: float
    max: float
    environments: int


def hoeffding_weight(difference: Floats, test_size: Floats) -> Floats:
    r"""How sure it is that two observed gaps are ordered as the true ones are, beyond a toss.

    .. math:: w = \max(0, W - 1/2), \quad W = \max\big(0, 1 - 2 e^{-2 n (|\Delta g| / 2)^2}\big)^2

    With n = 10,000 a pair counts from a difference of 0.0196 on. Unit: none, in [0, 1/2].
    Source: Dziugaite et al. 2020, arXiv:2010.11924.

    Args:
        difference: of the two gaps [p].
        test_size: n [p], the number of test examples behind them.
    """
    confidence = np.maximum(0, 1 - 2 * np.exp(-2 * test_size * (np.abs(difference) / 2) ** 2)) ** 2
    return np.asarray(np.maximum(0, confidence - 0.5), dtype=np.float64)


def environments_of(target: Floats, levels: Levels, test_size: Floats) -> Environments:
    """The environments of a set of networks that their targets can tell apart.

    An environment is a pair of configurations that differ in exactly one hyperparameter; in it, every network of the
    one is compared with every network of the other. It is kept if the effective number of its pairs,
    (sum w)^2 / sum w^2, is at least `EFFECTIVE_SHARE` of their number: 12 of the paper's 100, and with one network a
    configuration simply a pair whose weight is not 0.

    Args:
        target: a gap or an error [n], in units of accuracy.
        levels: the code [n] of each hyperparameter.
        test_size: number of test examples of each network [n]; a pair takes the smaller.

    Raises:
        Undefined: nothing to compare; the message says whether for want of neighbours or of differences.
    """
    require_contrast(target)
    n = len(target)
    names = np.array(list(levels), dtype=np.str_)
    differs = np.zeros((n, n), dtype=np.int64)
    which = np.zeros((n, n), dtype=np.int64)  # the hyperparameter that differs, where it is exactly one
    for place, code in enumerate(levels.values()):
        unequal = code[:, None] != code
        differs += unequal
        which += place * unequal
    first, second = np.nonzero(np.triu(differs == 1))
    if len(first) == 0:
        raise Undefined("No two networks differ in exactly one hyperparameter.")
    configuration = joint(list(levels.values()), n)
    low = np.minimum(configuration[first], configuration[second])
    high = np.maximum(configuration[first], configuration[second])
    index = joint([low, high], len(first))
    weight = hoeffding_weight(target[first] - target[second], np.minimum(test_size[first], test_size[second]))
    total = np.bincount(index, weight)
    kept = (total > 0) & (total**2 >= EFFECTIVE_SHARE * np.bincount(index) * np.bincount(index, weight**2))
    if not kept.any():
        raise Undefined("In no environment do the targets differ by more than the test set resolves.")
    axis = np.zeros(len(total), dtype=np.int64)
    axis[index] = which[first, second]
    pairs = kept[index]
    renumbered = np.cumsum(kept) - 1
    return Environments(first[pairs], second[pairs], weight[pairs], renumbered[index[pairs]], names[axis[kept]])


def environment_losses(environments: Environments, scores: Floats, target: Floats) -> Floats:
    r"""The weighted sign error in each environment [e].

    .. math:: L_e = \frac{\sum w \, SE}{\sum w}, \quad
              SE = \tfrac{1}{2} \big(1 - \mathrm{sgn}(\mu_a - \mu_b) \, \mathrm{sgn}(g_a - g_b)\big)

    over the pairs of replicates, one of each setting; a tie counts 1/2.
    Source: Dziugaite et al. 2020, arXiv:2010.11924.
    """
    a, b = environments.first, environments.second
    s_mu = (scores[a] > scores[b]).astype(np.float64) - (scores[a] < scores[b])
    s_g = (target[a] > target[b]).astype(np.float64) - (target[a] < target[b])
    wrong = np.bincount(environments.index, environments.weight * (1 - s_mu * s_g) / 2)
    return np.asarray(wrong / np.bincount(environments.index, environments.weight), dtype=np.float64)


def sign_error(losses: Floats) -> SignError:
    """Summarise the losses [e] of some environments, each of which the paper counts once a direction."""
    directed = np.repeat(losses, 2)
    return SignError(
        float(directed.mean()), float(np.percentile(directed, 90)), float(directed.max()), int(directed.size)
    )
