"""PAC-Bayes flatness: the largest tolerated weight noise, and norms of the weights in units of it.

sigma is a standard deviation: that of Gaussian noise on all parameters at which the training accuracy has dropped by
0.1 on average; sigma' is the same of noise in proportion to each weight. Batch norm is folded into the layer before it,
as in published code, so that a scale which it undoes counts for nothing; parameters are the weights and biases of the
folded layers and whatever else is learned, and so are distances and the count omega; the paper does not say whether
biases count. None is divided by the number of examples, and no square root is taken.

The published code of Dziugaite et al. 2020 draws noise of standard deviation sigma^2, or sigma'^2 w^2 + epsilon^2,
perturbs the gains and shifts of norms that it has set to identity as well, and counts weights without biases: it
reports other numbers, those of the measures that end in `_legacy`. They depart from the code in the search: it stops
at an accuracy within 0.01 of the one that is sought, here that is found to about 0.005.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, measure
from measures.passes.perturbations.noise_scale import (
    EPSILON,
    magnitude_noise_scale,
    noise_scale,
    published_magnitude_noise_scale,
    published_noise_scale,
)
from measures.passes.weights.folded_network import folded_network, initial_params

PUBLISHED: Final = "Jiang et al. 2020, published code of Dziugaite et al. 2020"
COST: Final = "about 7000 forward passes of an example, by up to 256 networks"


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 53", family="pac_bayes", cost=COST, version=3)
def pacbayes_flatness(subject: Subject) -> float:
    r"""Inverse variance of the weight noise that costs a tenth of the training accuracy.

    .. math:: 1 / \sigma^2, \quad E_{u \sim N(0, \sigma^2 I)}[\mathrm{acc}(w) - \mathrm{acc}(w + u)] = 0.1

    Departs from the paper in the estimate of the expectation, 4096 pairs of one of up to 256 common draws and an
    example, and in the noise, which also falls on biases and on what else is learned, as in published code. sigma comes
    out to about 2 %. Unit: 1 / weight squared. Invariant to a scale that batch norm undoes, not to the rescaling of
    other layers.
    """
    return noise_scale(subject) ** -2


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 61", family="pac_bayes", cost=COST, version=3)
def pacbayes_mag_flatness(subject: Subject) -> float:
    r"""Inverse square of the relative weight noise that costs a tenth of the training accuracy.

    .. math:: 1 / \sigma'^2, \quad u_i \sim N(0, \sigma'^2 w_i^2 + \epsilon^2), \quad \epsilon = 10^{-3}

    with sigma' such that the expected drop of the accuracy is 0.1; departs from the paper as `pacbayes_flatness` does.
    No unit. Invariant to the rescaling of layers but for epsilon.
    """
    return magnitude_noise_scale(subject) ** -2


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 49", family="pac_bayes", cost=COST, version=3)
def pacbayes_orig(subject: Subject) -> float:
    r"""PAC-Bayes bound with a prior at the origin.

    .. math:: \frac{\lVert w \rVert_2^2}{4 \sigma^2} + \log \frac{m}{\sigma} + 10

    with m training examples, the natural logarithm and sigma of `pacbayes_flatness`. In nats.
    """
    return _evaluate_bound(subject, noise_scale(subject), folded_network(subject).params.values())


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 48", family="pac_bayes", needs={"init"}, cost=COST, version=3)
def pacbayes_init(subject: Subject) -> float:
    r"""PAC-Bayes bound with a prior at initialization.

    .. math:: \frac{\lVert w - w_0 \rVert_2^2}{4 \sigma^2} + \log \frac{m}{\sigma} + 10

    otherwise as `pacbayes_orig`. In nats.
    """
    return _evaluate_bound(subject, noise_scale(subject), displacements(subject).values())


@measure(source=PUBLISHED, family="pac_bayes", cost=COST, version=2)
def pacbayes_orig_legacy(subject: Subject) -> float:
    r"""`pacbayes_orig` as published code computes it.

    .. math:: \frac{\lVert w \rVert_2^2}{4 s^2} + \log \frac{m}{s} + 10

    over the weights of the layers alone, with s at which noise of standard deviation s^2 costs a tenth of the accuracy.
    In nats.
    """
    return _evaluate_bound(subject, published_noise_scale(subject), _weights(subject, folded_network(subject).params))


@measure(source=PUBLISHED, family="pac_bayes", needs={"init"}, cost=COST, version=2)
def pacbayes_init_legacy(subject: Subject) -> float:
    r"""`pacbayes_init` as published code computes it.

    .. math:: \frac{\lVert w - w_0 \rVert_2^2}{4 s^2} + \log \frac{m}{s} + 10

    otherwise as `pacbayes_orig_legacy`. In nats.
    """
    return _evaluate_bound(subject, published_noise_scale(subject), _weights(subject, displacements(subject)))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 57", family="pac_bayes", needs={"init"}, cost=COST, version=2)
def pacbayes_mag_orig(subject: Subject) -> float:
    r"""Magnitude-aware PAC-Bayes bound with the norm of the weights.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (\sigma'^2 + 1) \lVert w \rVert_2^2 / \omega}
        {\epsilon^2 + \sigma'^2 (w_i - w_{0,i})^2} + \log \frac{m}{\sigma'} + 10, \quad \epsilon = 10^{-3}

    with the sum over all omega parameters, the natural logarithm and sigma' of `pacbayes_mag_flatness`. The denominator
    holds the distance from initialization, as the paper writes it. In nats.
    """
    return _evaluate_magnitude_bound(
        subject,
        magnitude_noise_scale(subject),
        folded_network(subject).params.values(),
        displacements(subject).values(),
    )


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 56", family="pac_bayes", needs={"init"}, cost=COST, version=2)
def pacbayes_mag_init(subject: Subject) -> float:
    r"""Magnitude-aware PAC-Bayes bound with the distance from initialization.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (\sigma'^2 + 1) \lVert w - w_0 \rVert_2^2 / \omega}
        {\epsilon^2 + \sigma'^2 (w_i - w_{0,i})^2} + \log \frac{m}{\sigma'} + 10, \quad \epsilon = 10^{-3}

    otherwise as `pacbayes_mag_orig`. In nats.
    """
    moved = list(displacements(subject).values())
    return _evaluate_magnitude_bound(subject, magnitude_noise_scale(subject), moved, moved)


@measure(source=PUBLISHED, family="pac_bayes", cost=COST)
def pacbayes_mag_flatness_legacy(subject: Subject) -> float:
    r"""`pacbayes_mag_flatness` as published code computes it.

    .. math:: 1 / s^2, \quad u_i \sim N(0, (s^2 w_i^2 + \epsilon^2)^2), \quad \epsilon = 10^{-3}

    with s such that the expected drop of the accuracy is 0.1. Unit: weight. Not invariant to the rescaling of layers.
    """
    return published_magnitude_noise_scale(subject) ** -2


@measure(source=PUBLISHED, family="pac_bayes", needs={"init"}, cost=COST)
def pacbayes_mag_orig_legacy(subject: Subject) -> float:
    r"""`pacbayes_mag_orig` as published code computes it.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (s^2 + 1) \lVert w \rVert_2^2 / \omega}
        {\epsilon^2 + s^2 (w_i - w_{0,i})^2} + \log \frac{m}{s} + 10, \quad \epsilon = 10^{-3}

    over the omega weights of the layers alone, with s of `pacbayes_mag_flatness_legacy`. In nats.
    """
    weights, moved = _weights(subject, folded_network(subject).params), _weights(subject, displacements(subject))
    return _evaluate_magnitude_bound(subject, published_magnitude_noise_scale(subject), weights, moved)


@measure(source=PUBLISHED, family="pac_bayes", needs={"init"}, cost=COST)
def pacbayes_mag_init_legacy(subject: Subject) -> float:
    r"""`pacbayes_mag_init` as published code computes it.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (s^2 + 1) \lVert w - w_0 \rVert_2^2 / \omega}
        {\epsilon^2 + s^2 (w_i - w_{0,i})^2} + \log \frac{m}{s} + 10, \quad \epsilon = 10^{-3}

    otherwise as `pacbayes_mag_orig_legacy`. In nats.
    """
    moved = _weights(subject, displacements(subject))
    return _evaluate_magnitude_bound(subject, published_magnitude_noise_scale(subject), moved, moved)


@measure(source="Achille & Soatto 2018, arXiv:1706.01350, sec. 4", family="information", cost=COST, version=2)
def iiw(subject: Subject) -> float:
    r"""Information in the weights, at the noise that costs a tenth of the training accuracy.

    .. math:: \frac{1}{2} \sum_i \log \Big( 1 + \frac{w_i^2}{\sigma^2} \Big)

    the capacity of Gaussian channels of signal w_i^2 and noise sigma^2, with the natural logarithm, all parameters and
    sigma of `pacbayes_flatness`. Departs from the paper, where each weight's noise is trained beside it: here one sigma
    is searched for a trained network. In nats. Not invariant to the rescaling of layers.
    """
    variance = noise_scale(subject) ** 2
    return (
        sum(float((w.double().square() / variance).log1p().sum()) for w in folded_network(subject).params.values()) / 2
    )


def displacements(subject: Subject) -> dict[str, Tensor]:
    """Trained minus initial value of each parameter of the folded network, by name."""
    start = initial_params(subject)
    return {name: w - start[name] for name, w in folded_network(subject).params.items()}


def magnitude_divergence(scale: float, tail: float, numerator: Iterable[Tensor], moved: Iterable[Tensor]) -> float:
    r"""Divergence of magnitude-aware noise around the trained weights from that of the prior.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (s^2 + t) \lVert v \rVert_2^2 / \omega}
        {\epsilon^2 + s^2 d_i^2}

    for scale s, tail t, numerator v and the omega displacements d.
    """
    distances = torch.cat([part.flatten() for part in moved]).double()
    squared_norm = sum(float(part.double().square().sum()) for part in numerator)
    above = EPSILON**2 + (scale**2 + tail) * squared_norm / len(distances)
    below = EPSILON**2 + scale**2 * distances.square()
    return float((math.log(above) - below.log()).sum()) / 4


def _weights(subject: Subject, values: Mapping[str, Tensor]) -> list[Tensor]:
    """Those of the values that belong to weights of layers."""
    return [values[name] for name in folded_network(subject).weight_names]


def _evaluate_bound(subject: Subject, sigma: float, displacement: Iterable[Tensor]) -> float:
    """||displacement||^2 / (4 sigma^2) + log(m / sigma) + 10."""
    squared_norm = sum(float(part.double().square().sum()) for part in displacement)
    return squared_norm / (4 * sigma**2) + math.log(subject.num_examples / sigma) + 10


def _evaluate_magnitude_bound(
    subject: Subject, sigma: float, numerator: Iterable[Tensor], moved: Iterable[Tensor]
) -> float:
    return magnitude_divergence(sigma, 1.0, numerator, moved) + math.log(subject.num_examples / sigma) + 10
