"""How the gradients at single training examples agree or scatter at the end of training.

g_i is the gradient of the cross-entropy in nats at example i with respect to all trainable parameters w, in eval mode;
m is the number of training examples and g the mean of the g_i.
"""

from typing import Final

import torch
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModel, measure
from measures.passes.per_sample import GradientStatistics, gradient_statistics

ROUNDING: Final = 100  # a variance below this many machine epsilons of the mean square is rounding, not variance


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 66", family="stability")
def grad_noise_final(subject: Subject) -> float:
    r"""Variance of the gradient over the training examples at the end of training.

    .. math:: \frac{1}{m} \sum_i \lVert g_i - g \rVert_2^2

    Unit: nats squared per squared unit of weight.
    """
    statistics = gradient_statistics(subject)
    return float(statistics.squared_norms.double().mean()) - _squared_norm_of_mean(statistics)


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 45; Liang et al. 2019, arXiv:1711.01530", family="stability")
def fisher_rao(subject: Subject) -> float:
    r"""Fisher-Rao norm of the weights, squared.

    .. math:: \frac{(d + 1)^2}{m} \sum_i \langle w, g_i \rangle^2

    with d the number of convolutional and linear layers. Departs from the paper in that all trainable parameters enter
    the product, also biases, for which Liang et al. derive no such formula. Unit: nats squared. Invariant to the
    rescaling of the layers of a ReLU network.
    """
    dots = gradient_statistics(subject).dots.double()
    return (_depth(subject) + 1) ** 2 * float(dots.square().mean())


@measure(source="Chatterjee 2020, arXiv:2002.10657", family="stability", expected_sign=-1)
def coherence(subject: Subject) -> float:
    r"""Coherence of the gradients: 1 where all are equal, 1/m where they are orthogonal and of equal length.

    .. math:: \frac{\lVert g \rVert_2^2}{\frac{1}{m} \sum_i \lVert g_i \rVert_2^2}

    No unit, between 0 and 1; invariant to the scale of the loss.
    """
    statistics = gradient_statistics(subject)
    mean_square = float(statistics.squared_norms.double().mean())
    if mean_square == 0:
        raise UnsupportedModel("The gradient is exactly zero at every training example.")
    return _squared_norm_of_mean(statistics) / mean_square


@measure(source="Liu et al. 2020, arXiv:2001.07384, eq. 1", family="stability", expected_sign=-1)
def gsnr(subject: Subject) -> float:
    r"""Gradient signal-to-noise ratio, averaged over parameters.

    .. math:: \frac{1}{P} \sum_k \frac{g_k^2}{\frac{1}{m} \sum_i (g_{ik} - g_k)^2}

    A parameter whose gradient does not vary, to rounding, such as one of a dead unit, has no ratio and is left out of
    sum and P. Departs from the paper in the expectations, which are over the training examples. No unit; invariant to
    the scale of the loss and to that of any parameter.
    """
    statistics = gradient_statistics(subject)
    mean, mean_square = _flat(statistics.mean), _flat(statistics.mean_square)
    variance = mean_square - mean.square()
    varies = variance > ROUNDING * torch.finfo(subject.dtype).eps * mean_square
    if not varies.any():
        raise UnsupportedModel("No gradient varies over the training examples.")
    return float((mean[varies].square() / variance[varies]).mean())


def _squared_norm_of_mean(statistics: GradientStatistics) -> float:
    return float(_flat(statistics.mean).square().sum())


def _flat(parts: dict[str, Tensor]) -> Tensor:
    """All parameters side by side [p], in float64."""
    return torch.cat([part.flatten() for part in parts.values()]).double()


def _depth(subject: Subject) -> int:
    """Number of convolutional and linear layers."""
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return sum(isinstance(module, layers) for module in subject.model.modules())
