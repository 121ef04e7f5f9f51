"""Ridge regression on Gaussian inputs in the limit of many examples and dimensions: its risk and its overlap.

Dobriban & Wager 2018, arXiv:1507.03003, and Hastie et al. 2022, arXiv:1903.08560. A label is no linear function of its
input; but a linear model sees of it only the best linear predictor, and the rest acts as noise that is independent of
the input: Thrampoulidis, Abbasi & Hassibi 2015, arXiv:1506.02181, and Hastie et al. 2022, sec. 4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

SIGN_OVERLAP: Final = math.sqrt(2 / math.pi)  # of a standard normal number with its sign
FARTHEST: Final = 1e12  # no effective ridge is larger
ANGLES: Final = 2000  # at which an integral over the law of Marchenko and Pastur is evaluated
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)  # means over a standard normal number


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


def error_on_mixture(aspect: float, signal: float, kept: float, classes: int) -> float:
    r"""Compute the test error of least squares of least norm on isotropic Gaussians around their means.

    Two means are :math:`\pm s e_1`, more are the orthogonal :math:`s e_y`. Along the means the inputs have the variance
    rho^2 = 1 + s^2, or 1 + s^2 / k, and 1 elsewhere. Of the centred one-hot labels the limit finds weights a along the
    means and, elsewhere, weights that are as noise of variance b^2 to the classes; so a class
    wins against another by s a + sqrt(a^2 + b^2) (z - z') with standard normal z.

    Args:
        aspect: gamma, dimensions divided by examples; not 1.
        signal: s.
        kept: one minus the probability that a training label is replaced by a random one.
        classes: k.
    """
    binary = classes == 2  # noqa: PLR2004  the means are opposite
    spread = 1.0 if binary else (1 - 1 / classes) / classes  # variance of a target
    covariance = kept * signal * (1.0 if binary else 1 / classes)  # of a target with its direction
    share = 1.0 if binary else 1 - 1 / classes  # squared length of that direction
    variance = 1 + signal**2 * (1.0 if binary else 1 / classes)
    teacher = share * (covariance / variance) ** 2
    limit = ridge_limit([Block(aspect, 1.0, 0.0), Block(0.0, variance, teacher)], spread - variance * teacher, 0.0)
    along = limit.overlap / (share * covariance)
    elsewhere = max(0.0, (limit.risk - spread + 2 * limit.overlap) / share - variance * along**2)
    lead = signal * along / math.sqrt(along**2 + elsewhere)
    if binary:
        return float(norm.sf(lead))
    right = norm.cdf(NODES + lead) ** (classes - 1)
    return float(1 - (WEIGHTS * right).sum() / WEIGHTS.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSpeeds:
    """Linear regression by gradient descent on fast features and on much slower ones, fewer than the examples.

    Attributes:
        fast, slow: numbers of features divided by that of examples; together below 1.
        fast_variance, slow_variance: of the inputs.
        fast_teacher, slow_teacher: of the label that each block explains.
        noise: variance of the label that neither explains.
        learning_rate: of full-batch gradient descent on half the mean squared error.
    """

    fast: float
    slow: float
    fast_variance: float
    slow_variance: float
    fast_teacher: float
    slow_teacher: float
    noise: float
    learning_rate: float

    def risk(self, steps: float) -> float:
        r"""Compute the limit of the mean squared error after some steps, with speeds that are far apart.

        The slow block is learned when the fast one has been: it sees n minus the fast features as its examples, and
        its error acts as noise on the fast block,

        .. math:: R = r_f B_f + (\sigma^2 + r_s B_s + \sigma^2 \gamma_s V_s) (1 + \gamma_f V_f)

        with B the mean of (1 - eta v x)^{2T} and V that of (1 - (1 - eta v x)^T)^2 / x over the law of Marchenko and
        Pastur, cf. Advani & Saxe 2017, arXiv:1710.03667, for one speed.
        """
        left = 1 - self.fast
        bias, variance = _descended(self.fast, self.learning_rate * self.fast_variance, steps)
        aspect = self.slow / left
        slow_bias, slow_variance = _descended(aspect, self.learning_rate * self.slow_variance * left, steps)
        unlearned = self.slow_teacher * slow_bias + self.noise * aspect * slow_variance
        return self.fast_teacher * bias + (self.noise + unlearned) * (1 + self.fast * variance)


def _descended(aspect: float, rate: float, steps: float) -> tuple[float, float]:
    """Compute the mean squared share that is not learned, and the variance for each unit of noise; 1 and 0 if none."""
    if aspect == 0:
        return 1.0, 0.0
    angles = (np.arange(ANGLES) + 0.5) * math.pi / ANGLES
    eigenvalues = 1 + aspect + 2 * math.sqrt(aspect) * np.cos(angles)
    density = 2 / ANGLES * np.sin(angles) ** 2 / eigenvalues
    kept = (1 - rate * eigenvalues) ** steps
    return float((density * kept**2).sum()), float((density * (1 - kept) ** 2 / eigenvalues).sum())
