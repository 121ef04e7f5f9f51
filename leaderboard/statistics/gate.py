"""The randomization gate: does a score tell networks trained on random labels from those trained on true ones?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.resampling import draw, interval
from leaderboard.statistics.undefined import Undefined

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gate:
    """The outcome of the gate.

    Attributes:
        auc: chance that a network with random labels scores higher than one with true labels, ties half.
        interval: 95 % bootstrap interval of it; None without resamples, or with too few that have both classes.
        true: number of networks with true labels.
        random: number of networks with random labels.
        matched: whether only networks that agree in all other hyperparameters were compared.
    """

    auc: float
    interval: list[float] | None
    true: int
    random: int
    matched: bool


def randomization_gate(
    scores: Floats, random: NDArray[np.bool_], setting: Ints, *, bootstrap: int, rng: np.random.Generator
) -> Gate:
    r"""Area under the ROC curve of the raw score for "trained on random labels", within equal hyperparameters.

    .. math:: A = \frac{\sum_{(a, b)} 1[\mu_a > \mu_b] + \tfrac{1}{2} 1[\mu_a = \mu_b]}{\sum_{(a, b)} 1}

    over the pairs of a network a with random and a network b with true labels *that agree in every other
    hyperparameter*: otherwise a score that follows depth could pass or fail by which depths fitted random labels.
    Where no such pair exists, over all pairs (`matched` says which). 1 passes for a score that should grow with the
    gap, 0 for one that should fall, 1/2 says nothing. The interval resamples settings of the other hyperparameters,
    with all of their networks.
    Unit: none, in [0, 1]. Source: the randomization test of Zhang et al. 2017, arXiv:1611.03530, put as a Mann-Whitney
    statistic.

    Args:
        scores: mu [n], finite, of networks with random or true labels.
        random: which of them have random labels [n].
        setting: code [n] of all other hyperparameters together.
        bootstrap: number of resamples; 0 for no interval.
        rng: decides the resamples.

    Raises:
        Undefined: one of the two classes has no network.
    """
    for what, members in (("random", random), ("true", ~random)):
        if not members.any():
            raise Undefined(f"No network trained on {what} labels has a score.")
    r, t = np.flatnonzero(random), np.flatnonzero(~random)
    wins = (scores[r, None] > scores[t]) + 0.5 * (scores[r, None] == scores[t])  # [r, t]
    compared = setting[r, None] == setting[t]
    matched = bool(compared.any())
    if not matched:
        compared = np.ones_like(compared)
    auc = float(wins[compared].mean())
    if bootstrap == 0:
        return Gate(auc, None, len(t), len(r), matched)
    blocks = np.unique(setting, return_inverse=True)[1]
    size = int(blocks.max()) + 1
    counts = draw(size, bootstrap, rng)  # [draws, blocks]
    if matched:
        block = np.broadcast_to(blocks[r, None], compared.shape)[compared]
        won = counts @ np.bincount(block, wins[compared], size)
        met = counts @ np.bincount(block, minlength=size).astype(np.float64)
    else:
        in_r, in_t = np.eye(size)[blocks[r]], np.eye(size)[blocks[t]]  # which block each network belongs to
        won = np.einsum("ds,ds->d", counts @ (in_r.T @ wins @ in_t), counts)
        met = np.einsum("ds,ds->d", counts @ np.outer(in_r.sum(axis=0), in_t.sum(axis=0)), counts)
    draws = np.divide(won, met, out=np.full(bootstrap, np.nan), where=met > 0)
    try:
        return Gate(auc, interval(draws), len(t), len(r), matched)
    except Undefined:
        return Gate(auc, None, len(t), len(r), matched)
