"""Ridge regression on Gaussian inputs in the limit of many examples and dimensions: its risk and its overlap.

Dobriban & Wager 2018, arXiv:1507.03003, and Hastie et al. 2022, arXiv:1903.08560. A label is no linear function of its
input; but a linear model sees of it only the best linear predictor, and the rest acts as noise that is independent of
the input: Thrampoulidis, Abbasi & Hassibi 2015, arXiv:1506.02181, and Hastie et al. 2022, sec. 4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scipy.optimize import brentq

SIGN_OVERLAP: Final = math.sqrt(2 / math.pi)  # of a standard normal number with its sign
FARTHEST: Final = 1e12  # no effective ridge is larger


@dataclass(frozen=True, slots=True)
class Block:
    """Directions of one variance.

    Attributes:
        aspect: their number divided by that of the examples; 0 for finitely many.
        variance: of the inputs there.
        teacher: squared norm of the best linear predictor there.
    """

    aspect: float
    variance: float
    teacher: float


@dataclass(frozen=True, slots=True)
class RidgeLimit:
    """Limit of ridge regression.

    Attributes:
        risk: mean squared error on a new example whose label is noisy as the training labels are.
        overlap: covariance of the prediction with the best linear one.
        shrinkage: the share of the best linear predictor that is found in each block.
    """

    risk: float
    overlap: float
    shrinkage: tuple[float, ...]


def ridge_limit(blocks: Sequence[Block], noise: float, ridge: float) -> RidgeLimit:
    r"""Compute the limit of the w that minimises :math:`\lVert y - X w \rVert^2 / n + \lambda \lVert w \rVert^2`.

    With the effective ridge kappa, the root of :math:`\lambda = \kappa (1 - \sum_b \gamma_b v_b / (v_b + \kappa))`,

    .. math:: R = \frac{\sigma^2 + \kappa^2 \sum_b v_b \beta_b^2 / (v_b + \kappa)^2}
                       {1 - \sum_b \gamma_b v_b^2 / (v_b + \kappa)^2}

    and the mean weights are :math:`v_b / (v_b + \kappa)` times those of the best linear predictor beta. At lambda = 0
    it is the interpolant of least norm where there are more dimensions than examples, else least squares.

    Args:
        blocks: gamma_b, v_b and beta_b^2.
        noise: sigma^2, the variance of the label that no linear function explains.
        ridge: lambda.

    Returns:
        The limit; an infinite risk with as many dimensions as examples and no ridge.
    """
    total = sum(block.aspect for block in blocks)

    def excess(kappa: float) -> float:
        used = sum(block.aspect * block.variance / (block.variance + kappa) for block in blocks)
        return kappa * (1 - used) - ridge

    if ridge == 0 and total == 1:
        return RidgeLimit(math.inf, sum(b.variance * b.teacher for b in blocks), (1.0,) * len(blocks))
    if ridge == 0 and total < 1:
        kappa = 0.0
    else:
        scale = max(block.variance for block in blocks)
        lowest = scale * 1e-12 if ridge == 0 else 0.0  # kappa = 0 is a root, too, at ridge 0
        kappa = float(brentq(excess, lowest, FARTHEST * scale, xtol=1e-14 * scale))
    found = tuple(block.variance / (block.variance + kappa) for block in blocks)
    bias = kappa**2 * sum(b.variance * b.teacher / (b.variance + kappa) ** 2 for b in blocks)
    degrees = sum(block.aspect * share**2 for block, share in zip(blocks, found, strict=True))
    overlap = sum(b.variance * b.teacher * share for b, share in zip(blocks, found, strict=True))
    return RidgeLimit((noise + bias) / (1 - degrees), overlap, found)


def risk_without_label_noise(limit: RidgeLimit, kept: float) -> float:
    """Mean squared error against labels of -1 and 1 of which none is wrong.

    Args:
        limit: of training labels each of which is replaced, with some probability, by a random one.
        kept: one minus that probability.
    """
    return limit.risk + 2 * limit.overlap * (1 - 1 / kept)


def error_of_direction(limit: RidgeLimit, kept: float) -> float:
    r"""Share of wrong signs of a Gaussian prediction: arccos of its correlation with the score, divided by pi.

    The best linear predictor has `kept` times the overlap of a sign with its score, and :math:`R = 1 - 2 o + \lVert f
    \rVert^2` gives the norm of the prediction f, o its overlap with the best linear one.
    """
    power = limit.risk - 1 + 2 * limit.overlap
    return math.acos(min(1.0, limit.overlap / (kept * SIGN_OVERLAP * math.sqrt(power)))) / math.pi
