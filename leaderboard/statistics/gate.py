"""Randomization gate: does a score distinguish networks trained on random labels from those trained on true ones?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.resampling import Interval, confidence_draws, interval
from leaderboard.statistics.undefined import UndefinedError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gate:
    """Outcome of the gate.

    Attributes:
        auc: probability that a network with random labels scores higher than one with true labels; ties count half.
        interval: 95 % interval of the AUC; None with a reason in `why` if there is none.
        true: number of networks with true labels.
        random: number of networks with random labels.
        matched: whether only networks that agree in all other hyperparameters were compared.
    """

    auc: float
    interval: Interval | None
    why: str
    true: int
    random: int
    matched: bool


def randomization_gate(scores: Floats, random: NDArray[np.bool_], setting: Ints, counts: Floats) -> Gate:
    r"""Compute the AUC of the raw score for "trained on random labels", within equal hyperparameters.

    .. math:: A = \frac{\sum_{(a, b)} 1[\mu_a > \mu_b] + \tfrac{1}{2} 1[\mu_a = \mu_b]}{\sum_{(a, b)} 1}

    over the pairs of a network a with random and a network b with true labels *that agree in every other
    hyperparameter*: otherwise a score that follows depth could pass or fail by which depths fitted random labels.
    If no such pair exists, over all pairs (`matched` is then False). 1 passes for a score that should grow with the
    gap, 0 for one that should fall, 1/2 says nothing. The interval resamples settings of the other hyperparameters,
    with all of their networks, and is that of Clopper and Pearson near 0 and 1; see `confidence_draws`.
    Unit: none, in [0, 1]. Source: the randomization test of Zhang et al. 2017, arXiv:1611.03530, as a Mann-Whitney
    statistic.

    Args:
        scores: mu [n], finite, of networks with random or true labels.
        random: which of them have random labels [n].
        setting: code [n] of all other hyperparameters together.
        counts: how often each setting is drawn in each resample [count, settings]; no rows for no interval.

    Raises:
        UndefinedError: one of the two classes has no network.
    """
    for what, members in (("random", random), ("true", ~random)):
        if not members.any():
            raise UndefinedError(f"No network trained on {what} labels has a score.")
    every = np.ones((1, counts.shape[1]))
    found, comparisons, matched = areas(scores, random, setting, np.concatenate([every, counts]))
    auc, draws = float(found[0]), found[1:]
    known = draws[~np.isnan(draws)]
    variance = 4 * float(known.var()) if len(known) else 0.0
    shares = np.random.default_rng(len(draws)).random(len(draws))
    true, of_random = int((~random).sum()), int(random.sum())
    try:
        ends = interval((1 + confidence_draws(2 * auc - 1, draws, variance, comparisons, shares)) / 2, comparisons)
        return Gate(auc, ends, "", true, of_random, matched)
    except UndefinedError as reason:
        return Gate(auc, None, str(reason), true, of_random, matched)


def areas(scores: Floats, random: NDArray[np.bool_], setting: Ints, counts: Floats) -> tuple[Floats, int, bool]:
    """Compute the AUC in each resample [count], NaN if it has no pair; see `randomization_gate`.

    Returns:
        The AUC; the number of settings that are compared, of the rarer class where none matches; and whether only equal
        settings are compared.
    """
    r, t = _matched_pairs(random, setting)
    matched = len(r) > 0
    if matched:
        wins = (scores[r] > scores[t]) + 0.5 * (scores[r] == scores[t])
        won = counts @ np.bincount(setting[r], wins, counts.shape[1])
        met = counts @ np.bincount(setting[r], minlength=counts.shape[1]).astype(np.float64)
        comparisons = len(np.unique(setting[r]))
    else:
        weight = counts[:, setting]
        won = _won(scores, random, weight)
        met = weight[:, random].sum(axis=1) * weight[:, ~random].sum(axis=1)
        comparisons = min(len(np.unique(setting[side])) for side in (random, ~random))
    found = np.divide(won, met, out=np.full(len(counts), np.nan), where=met > 0)
    return np.asarray(found, dtype=np.float64), comparisons, matched


def _matched_pairs(random: NDArray[np.bool_], setting: Ints) -> tuple[Ints, Ints]:
    """Pair every network with random labels with every one with true labels of the same setting, [pairs] each."""
    by_setting = np.flatnonzero(~random)[np.argsort(setting[~random], kind="stable")]
    starts = np.searchsorted(setting[by_setting], setting[random])
    sizes = np.searchsorted(setting[by_setting], setting[random], side="right") - starts
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(np.flatnonzero(random), sizes), by_setting[np.repeat(starts, sizes) + within]


def _won(scores: Floats, random: NDArray[np.bool_], weight: Floats) -> Floats:
    """Sum the weights of the pairs (random, true) in which random labels score higher, ties half: [draws]."""
    order = np.argsort(scores[~random], kind="stable")
    true = scores[~random][order]
    below = np.concatenate([np.zeros((len(weight), 1)), np.cumsum(weight[:, ~random][:, order], axis=1)], axis=1)
    first, last = (np.searchsorted(true, scores[random], side=side) for side in ("left", "right"))
    return np.asarray(
        np.einsum("dr,dr->d", weight[:, random], (below[:, first] + below[:, last]) / 2), dtype=np.float64
    )
