"""Worst-case flatness: the box around the weights in which ascent can lose a tenth of the training accuracy.

alpha is the half-width of the box |u_i| <= alpha on all parameters within which 3 steps of ascent up the sign of the
gradient of the mean cross-entropy, on at most 256 examples, come to an accuracy lower by 0.1; alpha' is the same of the
box |u_i| <= alpha' |w_i| + 0.001. The true maximum over a box is out of reach of any search, so that both are upper
bounds of the paper's. Parameters, distances and the count omega are of the network with batch norm folded in, as in
`measures.catalogue.sharpness.pac_bayes`.
"""

import math
from collections.abc import Iterable
from typing import Final

from torch import Tensor

from measures.api import Subject, measure
from measures.catalogue.sharpness.pac_bayes import displacements, magnitude_divergence
from measures.passes.perturbations.ascent import box_scale, magnitude_box_scale
from measures.passes.perturbations.noise_scale import noise_scale
from measures.passes.weights.folded_network import folded_network

DELTA: Final = 0.05  # the chance with which the bound may fail; the paper names none
COST: Final = "about 10 forward and backward passes on 256 examples"


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 54", family="sharpness", cost=COST, version=2)
def sharpness_flatness(subject: Subject) -> float:
    r"""Inverse square of the half-width of the box in which a tenth of the training accuracy can be lost.

    .. math:: 1 / \alpha^2, \quad \max_{|u_i| \le \alpha} \mathrm{acc}(w) - \mathrm{acc}(w + u) = 0.1

    with the maximum over 3 steps of ascent from w. Unit: 1 / weight squared. Invariant to a scale that batch norm
    undoes, not to the rescaling of other layers.
    """
    return box_scale(subject) ** -2


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 62", family="sharpness", cost=COST, version=2)
def sharpness_mag_flatness(subject: Subject) -> float:
    r"""Inverse square of the relative size of the box in which a tenth of the training accuracy can be lost.

    .. math:: 1 / \alpha'^2, \quad |u_i| \le \alpha' |w_i| + \epsilon, \quad \epsilon = 10^{-3}

    otherwise as `sharpness_flatness`. No unit. Invariant to the rescaling of layers but for epsilon, which is no small
    part of the box where alpha itself is near it.
    """
    return magnitude_box_scale(subject) ** -2


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 52", family="sharpness", cost=COST, version=2)
def sharpness_orig(subject: Subject) -> float:
    r"""Sharpness bound with the norm of the weights.

    .. math:: \frac{\lVert w \rVert_2^2 \log(2 \omega)}{4 \alpha^2} + \log \frac{m}{\sigma} + 10

    with m training examples, the natural logarithm, alpha of `sharpness_flatness`, and sigma of `pacbayes_flatness`, as
    the paper writes it. In nats.
    """
    return _evaluate_bound(subject, folded_network(subject).params.values())


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 51", family="sharpness", needs={"init"}, cost=COST, version=2)
def sharpness_init(subject: Subject) -> float:
    r"""Sharpness bound with the distance from initialization.

    .. math:: \frac{\lVert w - w_0 \rVert_2^2 \log(2 \omega)}{4 \alpha^2} + \log \frac{m}{\sigma} + 10

    otherwise as `sharpness_orig`. In nats.
    """
    return _evaluate_bound(subject, displacements(subject).values())


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 60", family="sharpness", needs={"init"}, cost=COST, version=2)
def sharpness_mag_orig(subject: Subject) -> float:
    r"""Magnitude-aware sharpness bound with the norm of the weights.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (\alpha'^2 + 4 \log(2 \omega / \delta))
        \lVert w \rVert_2^2 / \omega}{\epsilon^2 + \alpha'^2 (w_i - w_{0,i})^2} + \log \frac{m}{\delta} + 10

    with the sum over all omega parameters, m training examples, the natural logarithm, epsilon = 0.001,
    alpha' of `sharpness_mag_flatness` and delta = 0.05, to which the paper gives no value. In nats.
    """
    return _evaluate_magnitude_bound(subject, folded_network(subject).params.values())


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 59", family="sharpness", needs={"init"}, cost=COST, version=2)
def sharpness_mag_init(subject: Subject) -> float:
    r"""Magnitude-aware sharpness bound with the distance from initialization.

    .. math:: \frac{1}{4} \sum_i \log \frac{\epsilon^2 + (\alpha'^2 + 4 \log(2 \omega / \delta))
        \lVert w - w_0 \rVert_2^2 / \omega}{\epsilon^2 + \alpha'^2 (w_i - w_{0,i})^2} + \log \frac{m}{\delta} + 10

    otherwise as `sharpness_mag_orig`. In nats.
    """
    return _evaluate_magnitude_bound(subject, displacements(subject).values())


def _num_params(subject: Subject) -> int:
    return sum(w.numel() for w in folded_network(subject).params.values())


def _evaluate_bound(subject: Subject, displacement: Iterable[Tensor]) -> float:
    """||displacement||^2 log(2 omega) / (4 alpha^2) + log(m / sigma) + 10."""
    squared_norm = sum(float(part.double().square().sum()) for part in displacement)
    spread = squared_norm * math.log(2 * _num_params(subject)) / (4 * box_scale(subject) ** 2)
    return spread + math.log(subject.num_examples / noise_scale(subject)) + 10


def _evaluate_magnitude_bound(subject: Subject, numerator: Iterable[Tensor]) -> float:
    tail = 4 * math.log(2 * _num_params(subject) / DELTA)
    moved = displacements(subject).values()
    divergence = magnitude_divergence(magnitude_box_scale(subject), tail, numerator, moved)
    return divergence + math.log(subject.num_examples / DELTA) + 10
