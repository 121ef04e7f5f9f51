"""Conditional mutual information between the orders of score and target: Jiang's K and the PGDL score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from leaderboard.statistics.pairs import Cells, Given, Levels, PairCounter
from leaderboard.statistics.undefined import UndefinedError, require_contrast

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Information:
    """The smallest normalised information, and the set S of hyperparameters for which it is smallest."""

    value: float
    given: Given


def cmi(scores: Floats, target: Floats, levels: Levels) -> Information:
    """Compute K of one measure; see `cmi_of`.

    Raises:
        UndefinedError: fewer than two networks, or a constant target.
    """
    require_contrast(target)
    return cmi_of(PairCounter(target, levels).count(scores))


def cmi_of(cells: Cells) -> Information:
    r"""Compute K of Jiang et al.: information of the scores' order on the targets' order, given hyperparameters.

    .. math:: K = \min_{|S| \le 2} \frac{I(V_\mu; V_g \mid U_S)}{H(V_g \mid U_S)}, \quad
              V_x = \mathrm{sgn}(x_a - x_b), \quad U_S = (\theta_a, \theta_b)|_S

    over ordered pairs a != b; cells U weighted by p(U); plug-in estimates; a tie is a third outcome. S ranges over the
    hyperparameters that vary, the empty set included; sets given which V_g is certain (H = 0) are left out. Insensitive
    to the sign: mu and -mu have the same K.
    Unit: none (a ratio, so the base of the logarithm cancels), in [0, 1]. Source: Jiang et al. 2020, arXiv:1912.02178.

    Args:
        cells: the pairs of the networks; those of sets with a hyperparameter that never varies repeat smaller sets.

    Raises:
        UndefinedError: no order of the target is uncertain.
    """
    table = cells.outcomes()
    weight = table.sum(axis=(1, 2))
    information, entropy = _information(table)
    return _least(cells, cells.of_set(weight * information), cells.of_set(weight * entropy))


def pgdl_score(scores: Floats, target: Floats, levels: Levels) -> Information:
    """Compute the PGDL score of one measure; see `pgdl_of`.

    Raises:
        UndefinedError: fewer than two networks or hyperparameters, or a constant target.
    """
    require_contrast(target)
    return pgdl_of(PairCounter(target, levels).count(scores))


def pgdl_of(cells: Cells) -> Information:
    r"""Compute the score of the PGDL competition as its scorer implements it, as a fraction (it prints x 100).

    .. math:: \min_{|S| = 2} \frac{\overline{I(V_\mu; V_g \mid U_S = u)}}{\overline{H(V_g \mid U_S = u)}}, \quad
              V_x = 1[x_a > x_b]

    over all ordered pairs, (a, a) included, so that a tie counts as "not greater"; cells u are weighted equally; S
    ranges over every pair of hyperparameters, those that never vary included. Departs from the paper (see `cmi_of`) in
    each of these, and from the scorer in one: cells are keyed by the pair of values, the scorer joins their decimal
    strings, in which '1' + '12' and '11' + '2' collide. Self-pairs make it differ a little between mu and -mu.
    Unit: none, in [0, 1]. Source: Jiang et al. 2020, "NeurIPS 2020 competition: PGDL", arXiv:2012.07976; its scorer.

    Args:
        cells: the pairs of the networks.

    Raises:
        UndefinedError: fewer than two hyperparameters, or no order of the target is uncertain.
    """
    singles = sum(len(given) == 1 for given in cells.given)
    if not any(len(given) == 2 for given in cells.given):  # noqa: PLR2004  the scorer conditions on pairs
        raise UndefinedError(f"It conditions on two hyperparameters at a time; the ledger has {singles}.")
    table = np.empty((len(cells.all), 2, 2))
    table[:, 1, 1] = cells.above
    table[:, 1, 0] = cells.above_mu - cells.above
    table[:, 0, 1] = cells.above_g - cells.above
    table[:, 0, 0] = cells.all - cells.above_mu - cells.above_g + cells.above
    information, entropy = _information(table)
    pairs = np.array([len(given) == 2 for given in cells.given])  # noqa: PLR2004  a cell's weight cancels in the ratio
    return _least(cells, cells.of_set(information) * pairs, cells.of_set(entropy) * pairs)


def _information(counts: Floats) -> tuple[Floats, Floats]:
    """Compute I(V_mu; V_g) and H(V_g) within each cell [cells], in nats, from counts [cells, u, v]; 0 without pairs."""
    total = counts.sum(axis=(1, 2), keepdims=True)
    p = counts / np.where(total > 0, total, 1)
    p_mu, p_g = p.sum(axis=2), p.sum(axis=1)
    entropy = -xlogy(p_g, p_g).sum(axis=1)
    information = entropy - xlogy(p_mu, p_mu).sum(axis=1) + xlogy(p, p).sum(axis=(1, 2))
    return np.asarray(information, dtype=np.float64), np.asarray(entropy, dtype=np.float64)


def _least(cells: Cells, information: Floats, entropy: Floats) -> Information:
    """Find the smallest I / H over the sets; both have the same weights, which cancel."""
    ratios = [
        (min(1.0, max(0.0, i / h)), given)
        for i, h, given in zip(information.tolist(), entropy.tolist(), cells.given, strict=True)
        if h > 0
    ]
    if not ratios:
        raise UndefinedError("The hyperparameters leave no uncertainty about the order of the target.")
    value, given = min(ratios, key=lambda ratio: ratio[0])
    return Information(value, given)
