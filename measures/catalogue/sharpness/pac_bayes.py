"""PAC-Bayes flatness: the noise that the weights bear, and how far they went in units of it.

sigma is a standard deviation: that of Gaussian noise on all trainable parameters at which the training accuracy has
dropped by 0.1 on average; sigma' is the same of noise in proportion to each weight. The published code of Jiang et al.
draws noise of standard deviation sigma^2 and therefore reports another number: the measures that end in `_legacy`.
Weights, distances and the count omega are of every trainable parameter, as is the noise; the paper does not say whether
biases count. None is divided by the number of examples, and no square root is taken.
"""

import math
from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, measure
from measures.passes.perturbations.noise_scale import EPSILON, magnitude_noise_scale, noise_scale

COST: Final = "about 5 forward passes of 8 networks on 256 examples"


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 53", family="pac_bayes", cost=COST, version=2)
def pacbayes_flatness(subject: Subject) -> float:
    r"""Inverse variance of the weight noise that costs a tenth of the training accuracy.

    .. math:: 1 / \sigma^2, \quad E_{u \sim N(0, \sigma^2 I)}[\mathrm{acc}(w) - \mathrm{acc}(w + u)] = 0.1

    Departs from the paper in the estimate of the expectation, 8 common draws on at most 256 examples, and in the noise,
    which also falls on biases and on the affine parameters of norms, as in the paper's code. Unit: 1 / weight squared.
    Not invariant to the rescaling of layers.
    """
    return noise_scale(subject) ** -2


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 61", family="pac_bayes", cost=COST, version=2)
def pacbayes_mag_flatness(subject: Subject) -> float:
    r"""Inverse square of the relative weight noise that costs a tenth of the training accuracy.

    .. math:: 1 / \sigma'^2, \quad u_i \sim N(0, \sigma'^2 w_i^2 + \epsilon^2), \quad \epsilon = 10^{-3}

    with sigma' such that the expected drop of the accuracy is 0.1; departs from the paper as `pacbayes_flatness` does.
    No unit. Invariant to the rescaling of layers but for epsilon.
    """
    return magnitude_noise_scale(subject) ** -2


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 49", family="pac_bayes", cost=COST, version=2)
def pacbayes_orig(subject: Subject) -> float:
    r"""PAC-Bayes bound with a prior at the origin.

    .. math:: \frac{\lVert w \rVert_2^2}{4 \sigma^2} + \log \frac{m}{\sigma} + 10

    with m training examples, the natural logarithm and sigma of `pacbayes_flatness`. In nats.
    """
    return _bind_arguments(subject, noise_scale(subject), subject.params.values())


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 48", family="pac_bayes", needs={"init"}, cost=COST, version=2)
def pacbayes_init(subject: Subject) -> float:
    r"""PAC-Bayes bound with a prior at initialization.

    .. math:: \frac{\lVert w - w_0 \rVert_2^2}{4 \sigma^2} + \log \frac{m}{\sigma} + 10

    otherwise as `pacbayes_orig`. In nats.
    """
    return _bind_arguments(subject, noise_scale(subject), displacements(subject))


@measure(source="Jiang et al. 2020, published code of Dziugaite et al. 2020", family="pac_bayes", cost=COST)
def pacbayes_orig_legacy(subject: Subject) -> float:
    r"""What published code computes for `pacbayes_orig`.

    .. math:: \frac{\lVert w \rVert_2^2}{4 s^2} + \log \frac{m}{s} + 10, \quad s = \sqrt{\sigma}

    The code searches for s and draws noise of standard deviation s^2 instead of s, so that it finds the root of sigma
    of `pacbayes_flatness`. Departs from it in the search, which is that of `pacbayes_orig`. In nats.
    """
    return _bind_arguments(subject, math.sqrt(noise_scale(subject)), subject.params.values())


@measure(
    source="Jiang et al. 2020, published code of Dziugaite et al. 2020", family="pac_bayes", needs={"init"}, cost=COST
)
def pacbayes_init_legacy(subject: Subject) -> float:
    r"""What published code computes for `pacbayes_init`.

    .. math:: \frac{\lVert w - w_0 \rVert_2^2}{4 s^2} + \log \frac{m}{s} + 10, \quad s = \sqrt{\sigma}

    otherwise as `pacbayes_orig_legacy`. In nats.
    """
    return _bind_arguments(subject, math.sqrt(noise_scale(subject)), displacements(subject))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 57", family="pac_bayes", needs={"init"}, cost=COST)
def pacbayes_mag_orig(subject: Subject) -> float:
    r"""Magnitude-aware PAC-Bayes bound with the norm of the weights.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (\sigma'^2 + 1) \lVert w \rVert_2^2 / \omega}
        {\epsilon^2 + \sigma'^2 (w_i - w_{0,i})^2} + \log \frac{m}{\sigma'} + 10, \quad \epsilon = 10^{-3}

    with the sum over all omega trainable parameters, the natural logarithm and sigma' of `pacbayes_mag_flatness`. The
    denominator holds the distance from initialization, as the paper writes it. In nats.
    """
    return _magnitude_bound(subject, subject.params.values())


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 56", family="pac_bayes", needs={"init"}, cost=COST)
def pacbayes_mag_init(subject: Subject) -> float:
    r"""Magnitude-aware PAC-Bayes bound with the distance from initialization.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (\sigma'^2 + 1) \lVert w - w_0 \rVert_2^2 / \omega}
        {\epsilon^2 + \sigma'^2 (w_i - w_{0,i})^2} + \log \frac{m}{\sigma'} + 10, \quad \epsilon = 10^{-3}

    otherwise as `pacbayes_mag_orig`. In nats.
    """
    return _magnitude_bound(subject, displacements(subject))


@measure(source="Achille & Soatto 2018, arXiv:1706.01350, sec. 4", family="information", cost=COST)
def iiw(subject: Subject) -> float:
    r"""Information in the weights, at the noise that they bear.

    .. math:: \frac{1}{2} \sum_i \log \Big( 1 + \frac{w_i^2}{\sigma^2} \Big)

    the capacity of Gaussian channels of signal w_i^2 and noise sigma^2, with the natural logarithm, all trainable
    parameters and sigma of `pacbayes_flatness`. Departs from the paper, where each weight's noise is trained beside it:
    here one sigma is searched for a trained network. In nats. Not invariant to the rescaling of layers.
    """
    variance = noise_scale(subject) ** 2
    return sum(float((w.double().square() / variance).log1p().sum()) for w in subject.params.values()) / 2


def displacements(subject: Subject) -> list[Tensor]:
    """Trained minus initial value of each trainable parameter."""
    return [w - subject.init_params[name] for name, w in subject.params.items()]


def magnitude_divergence(subject: Subject, scale: float, tail: float, numerator: Iterable[Tensor]) -> float:
    r"""Divergence of magnitude-aware noise around the trained weights from that of the prior.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (s^2 + t) \lVert v \rVert_2^2 / \omega}
        {\epsilon^2 + s^2 (w_i - w_{0,i})^2}

    for scale s, tail t and numerator v.
    """
    moved = torch.cat([part.flatten() for part in displacements(subject)]).double()
    squared_norm = sum(float(part.double().square().sum()) for part in numerator)
    above = EPSILON**2 + (scale**2 + tail) * squared_norm / len(moved)
    below = EPSILON**2 + scale**2 * moved.square()
    return float((math.log(above) - below.log()).sum()) / 4


def _bind_arguments(subject: Subject, sigma: float, displacement: Iterable[Tensor]) -> float:
    """||displacement||^2 / (4 sigma^2) + log(m / sigma) + 10."""
    squared_norm = sum(float(part.double().square().sum()) for part in displacement)
    return squared_norm / (4 * sigma**2) + math.log(subject.num_examples / sigma) + 10


def _magnitude_bound(subject: Subject, numerator: Iterable[Tensor]) -> float:
    sigma = magnitude_noise_scale(subject)
    return magnitude_divergence(subject, sigma, 1.0, numerator) + math.log(subject.num_examples / sigma) + 10
