"""Conditional mutual information of the orders of score and target: Jiang's K and the PGDL competition's score."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from leaderboard.statistics.granulated import Levels, joint
from leaderboard.statistics.kendall import signs
from leaderboard.statistics.undefined import Undefined, require_contrast

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Information:
    """The least normalised information, and the set S of hyperparameters given which it is least."""

    value: float
    given: tuple[str, ...]


def cmi(scores: Floats, target: Floats, levels: Levels) -> Information:
    r"""The K of Jiang et al.: what the order of the scores tells about the order of the targets, given hyperparameters.

    .. math:: K = \min_{|S| \le 2} \frac{I(V_\mu; V_g \mid U_S)}{H(V_g \mid U_S)}, \quad
              V_x = \mathrm{sgn}(x_a - x_b), \quad U_S = (\theta_a, \theta_b)|_S

    over ordered pairs a != b; cells U weighted by p(U); plug-in estimates; a tie is a third outcome. S ranges over the
    hyperparameters that vary, the empty set included; a set given which V_g is certain (H = 0) says nothing and is
    left out. Blind to the sign: mu and -mu have the same K.
    Unit: none (a ratio, so the base of the logarithm cancels), in [0, 1]. Source: Jiang et al. 2020, arXiv:1912.02178.

    Args:
        scores: mu [n], finite.
        target: g [n], finite.
        levels: the code [n] of each hyperparameter.

    Raises:
        Undefined: fewer than two networks, or a constant target.
    """
    require_contrast(target)
    outcome = 3 * (signs(scores).astype(np.int64) + 1) + signs(target) + 1  # [n, n]
    varying = [name for name, code in levels.items() if code.min() != code.max()]
    found = []
    for given in (set_ for size in range(3) for set_ in combinations(varying, size)):
        counts = _counts(levels, given, outcome, num_outcomes=3)
        counts = _occurring(_without_self_pairs(counts, levels, given, len(target)))
        information, entropy = _information(counts)
        weight = counts.sum(axis=(1, 2))
        found.append((given, float(weight @ information), float(weight @ entropy)))
    return _least(found)


def pgdl_score(scores: Floats, target: Floats, levels: Levels) -> Information:
    r"""The score of the PGDL competition, as its scorer is implemented, as a fraction (the competition prints x 100).

    .. math:: \min_{|S| = 2} \frac{\overline{I(V_\mu; V_g \mid U_S = u)}}{\overline{H(V_g \mid U_S = u)}}, \quad
              V_x = 1[x_a > x_b]

    over all ordered pairs, (a, a) included, so that a tie counts as "not greater"; cells u are weighted equally; S
    ranges over every pair of hyperparameters, those that never vary included. Departs from the paper (see `cmi`) in
    each of these, and from the scorer in one: cells are keyed by the pair of values, the scorer joins their decimal
    strings, in which '1' + '12' and '11' + '2' collide. Self-pairs make it differ a little between mu and -mu.
    Unit: none, in [0, 1]. Source: Jiang et al. 2020, "NeurIPS 2020 competition: PGDL", arXiv:2012.07976; its scorer.

    Args:
        scores: mu [n], finite.
        target: g [n], finite.
        levels: the code [n] of each hyperparameter.

    Raises:
        Undefined: fewer than two networks or hyperparameters, or a constant target.
    """
    require_contrast(target)
    if len(levels) < 2:  # noqa: PLR2004  the scorer conditions on pairs
        raise Undefined(f"It conditions on two hyperparameters at a time; the ledger has {len(levels)}.")
    outcome = 2 * (scores[:, None] > scores).astype(np.int64) + (target[:, None] > target)  # [n, n]
    found = []
    for given in combinations(levels, 2):
        counts = _occurring(_counts(levels, given, outcome, num_outcomes=2))
        information, entropy = _information(counts)
        found.append((given, float(information.mean()), float(entropy.mean())))
    return _least(found)


def _counts(levels: Levels, given: tuple[str, ...], outcome: Ints, *, num_outcomes: int) -> Floats:
    """How often each outcome (u, v) occurs in each cell, [cells, u, v], over all ordered pairs with the self-pairs."""
    code = joint([levels[name] for name in given], len(outcome))
    width, each = int(code.max()) + 1, num_outcomes**2
    place = (code * (width * each))[:, None] + (outcome + code * each)  # [n, n]
    flat = np.bincount(place.ravel(), minlength=width**2 * each)
    return np.asarray(flat.reshape(-1, num_outcomes, num_outcomes), dtype=np.float64)


def _without_self_pairs(counts: Floats, levels: Levels, given: tuple[str, ...], n: int) -> Floats:
    """Take out the n pairs (a, a), ties in both orders and of equal hyperparameters."""
    members = np.bincount(joint([levels[name] for name in given], n))
    width = len(members)
    counts[np.arange(width) * (width + 1), 1, 1] -= members
    return counts


def _occurring(counts: Floats) -> Floats:
    """The cells that hold a pair."""
    return np.asarray(counts[counts.sum(axis=(1, 2)) > 0], dtype=np.float64)


def _information(counts: Floats) -> tuple[Floats, Floats]:
    """I(V_mu; V_g) and H(V_g) within each cell [cells], in nats, of counts [cells, u, v]."""
    p = counts / counts.sum(axis=(1, 2), keepdims=True)
    p_mu, p_g = p.sum(axis=2), p.sum(axis=1)
    entropy = -xlogy(p_g, p_g).sum(axis=1)
    information = entropy - xlogy(p_mu, p_mu).sum(axis=1) + xlogy(p, p).sum(axis=(1, 2))
    return np.asarray(information, dtype=np.float64), np.asarray(entropy, dtype=np.float64)


def _least(found: Iterable[tuple[tuple[str, ...], float, float]]) -> Information:
    """The least I / H and its set; both are multiplied by the same weights, so these cancel."""
    ratios = [(min(1.0, max(0.0, i / h)), given) for given, i, h in found if h > 0]
    if not ratios:
        raise Undefined("The hyperparameters leave no uncertainty about the order of the target.")
    value, given = min(ratios, key=lambda ratio: ratio[0])
    return Information(value, given)
