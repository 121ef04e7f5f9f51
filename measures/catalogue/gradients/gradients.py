"""Statistics of the gradients at single training examples at the end of training: noise, coherence, stiffness.

g_i is the gradient of the cross-entropy in nats at example i with respect to all parameters w, in eval mode;
m is the number of training examples and g the mean of the g_i.
"""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.used_layers import used_layers
from measures.passes.curvature.gauss_newton import gauss_newton
from measures.passes.gradients.per_sample import GradientStatistics, gradient_statistics
from measures.passes.gradients.tangents import gradient_pairs

SWEEP: Final = "shared per-sample gradients: 2 forward and backward passes"
PAIRS: Final = "shared inner products of 400 gradients: 2 forward and backward passes of them"
NUM_BATCHES: Final = 5  # ten pairs, of batches of 50 to 80
NUM_DIVISIONS: Final = 64  # of the examples into groups, which cost products with their Gram matrix alone
ROUNDING: Final = 100  # a variance below this many machine epsilons of the mean square is rounding, not variance


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 66", family="gradient", cost=SWEEP)
def grad_noise_final(subject: Subject) -> float:
    r"""Variance of the gradient over the training examples at the end of training.

    .. math:: \frac{1}{m} \sum_i \lVert g_i - g \rVert_2^2

    Unit: nats squared per squared unit of weight.
    """
    return variance(gradient_statistics(subject))


@measure(source="Liang et al. 2019, arXiv:1711.01530, definition 2", family="gradient", cost=SWEEP, version=2)
def fisher_rao(subject: Subject) -> float:
    r"""Fisher-Rao norm of the weights, squared.

    .. math:: \frac{1}{m} \sum_i \langle w, g_i \rangle^2

    The quadratic form of w with the Fisher matrix. Liang et al. (theorem 3.1) show that a network of d linear layers
    without biases has <w, g_i> = d <dl_i/df, f>: the depth is in the product already. Departs from the paper in the
    labels, which are those of training instead of draws from the network's predictions, and in that all
    parameters enter the product, also biases. Unit: nats squared. Invariant to the rescaling of the layers of a ReLU
    network.
    """
    return float(gradient_statistics(subject).dots.double().square().mean())


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 45", family="gradient", cost=SWEEP)
def fisher_rao_jiang(subject: Subject) -> float:
    r"""Fisher-Rao norm with the factor of the depth that Jiang et al. give it.

    .. math:: \frac{(d + 1)^2}{m} \sum_i \langle w, g_i \rangle^2

    with d the number of convolutional and linear layers that a forward pass uses: `fisher_rao` times a factor that the
    norm contains already. Unit: nats squared. Invariant to the rescaling of the layers of a ReLU network.
    """
    return (len(used_layers(subject)) + 1) ** 2 * fisher_rao(subject)


@measure(
    source="Chatterjee & Zielinski 2020, arXiv:2008.01217 (alpha)", family="gradient", expected_sign=-1, cost=SWEEP
)
def coherence(subject: Subject) -> float:
    r"""Coherence of the gradients: 1 where all are equal, 1/m where they are orthogonal and of equal length.

    .. math:: \frac{\lVert g \rVert_2^2}{\frac{1}{m} \sum_i \lVert g_i \rVert_2^2}

    No unit, between 0 and 1; invariant to the scale of the loss.
    """
    statistics = gradient_statistics(subject)
    mean_square = float(statistics.squared_norms.double().mean())
    if mean_square == 0:
        raise UnsupportedModelError("The gradient is exactly zero at every training example.")
    return _squared_norm_of_mean(statistics) / mean_square


@measure(source="Liu et al. 2020, arXiv:2001.07384 (GSNR)", family="gradient", expected_sign=-1, cost=SWEEP)
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
        raise UnsupportedModelError("No gradient varies over the training examples.")
    return float((mean[varies].square() / variance[varies]).mean())


@measure(source="Thomas et al. 2020, arXiv:1906.07774", family="gradient", cost=SWEEP)
def efim_trace(subject: Subject) -> float:
    r"""Trace of the empirical Fisher matrix, the uncentred covariance of the gradients at the training labels.

    .. math:: \frac{1}{m} \sum_i \lVert g_i \rVert_2^2

    Unit: nats squared per squared unit of weight. Changes when layers are rescaled.
    """
    return float(gradient_statistics(subject).squared_norms.double().mean())


@measure(
    source="Martens 2020, arXiv:1412.1193, sec. 5; Jastrzebski et al. 2021, arXiv:2012.14193", family="gradient",
    cost="shared gradients of 480 directions of the logits", version=2,
)  # fmt: skip
def fisher_trace(subject: Subject) -> float:
    r"""Trace of the Fisher matrix, with labels drawn from the network's own predictions.

    .. math:: \frac{1}{m} \sum_i \sum_c p_{ic} \lVert \nabla_w \log p_{ic} \rVert_2^2
        = \frac{1}{m} \sum_i \mathrm{tr}\left((\mathrm{diag}\, p_i - p_i p_i^T) J_i J_i^T\right)

    with p_i the softmax and J_i the Jacobian [k, P] of the logits. Departs from the papers, which draw one label an
    example: of the terms p_ic of all examples and labels 480 are drawn by size, and the sum is within 2 % of that of
    all. Unit: nats squared per squared unit of weight. Changes when layers are rescaled.
    """
    return gauss_newton(subject).trace


@measure(source="Yin et al. 2018, arXiv:1706.05699, definition 2", family="gradient", cost=SWEEP)
def gradient_diversity(subject: Subject) -> float:
    r"""Gradient diversity: how much shorter the sum of the gradients is than if they did not cancel.

    .. math:: \frac{\sum_i \lVert g_i \rVert_2^2}{\lVert \sum_i g_i \rVert_2^2}

    1/m where all are equal, 1 where they are orthogonal, and without bound where they cancel. No unit; invariant to the
    scale of the loss.
    """
    statistics = gradient_statistics(subject)
    mean = _nonzero_mean(statistics)
    return float(statistics.squared_norms.double().mean()) / (subject.num_examples * mean)


@measure(source="McCandlish et al. 2018, arXiv:1812.06162, eq. 2.9", family="gradient", cost=SWEEP)
def noise_scale(subject: Subject) -> float:
    r"""Simple gradient noise scale: the batch size at which noise and signal of the gradient are as large.

    .. math:: \frac{\frac{1}{m} \sum_i \lVert g_i - g \rVert_2^2}{\lVert g \rVert_2^2}

    Departs from the paper, which estimates both from two batch sizes: here they are those of the training set. Unit:
    examples. Invariant to the scale of the loss.
    """
    statistics = gradient_statistics(subject)
    mean = _nonzero_mean(statistics)
    return float(statistics.squared_norms.double().mean()) / mean - 1


@measure(
    source="Fort et al. 2019, arXiv:1901.09491 (cosine stiffness)",
    family="gradient",
    expected_sign=-1,
    cost=PAIRS,
    version=2,
)
def stiffness(subject: Subject) -> float:
    r"""Mean cosine between the gradients at two examples.

    .. math:: \frac{1}{s (s - 1)} \sum_{i \neq j} \cos(g_i, g_j)

    over a sample of at most 400 examples. Departs from the paper in the examples, which are of the training set alone.
    Examples whose gradient is exactly zero are left out. No unit, between -1 and 1; invariant to the scale of the loss.
    """
    return _mean_cosine(subject, torch.ones_like)


@measure(source="Fort et al. 2019, arXiv:1901.09491 (class stiffness)", family="gradient", expected_sign=-1, cost=PAIRS,
         version=2)  # fmt: skip
def stiffness_within_class(subject: Subject) -> float:
    r"""Mean cosine between the gradients at two examples of the same label.

    .. math:: \mathrm{mean}_{i \neq j,\, y_i = y_j} \cos(g_i, g_j)

    Sample, departures and invariances as of `stiffness`; every pair weighs the same.
    """
    return _mean_cosine(subject, lambda same: same)


@measure(source="Fort et al. 2019, arXiv:1901.09491 (class stiffness)", family="gradient", expected_sign=-1, cost=PAIRS,
         version=2)  # fmt: skip
def stiffness_between_classes(subject: Subject) -> float:
    r"""Mean cosine between the gradients at two examples of different labels.

    .. math:: \mathrm{mean}_{y_i \neq y_j} \cos(g_i, g_j)

    Sample, departures and invariances as of `stiffness`; every pair weighs the same.
    """
    return _mean_cosine(subject, lambda same: ~same)


@measure(source="Sankararaman et al. 2020, arXiv:1904.06963, definition 2.1", family="gradient", cost=PAIRS, version=2)
def gradient_confusion(subject: Subject) -> float:
    r"""Gradient confusion bound: how strongly the gradients at two examples oppose each other at worst.

    .. math:: -\min_{i \neq j} \langle g_i, g_j \rangle

    over a sample of at most 400 examples. Departs from the paper, whose bound is at least zero, in the sign where no
    pair is opposed, and in the examples, where it takes batches. Unit: nats squared per squared unit of weight.
    """
    gram = _at_least_two(subject)
    return -float(gram[~torch.eye(len(gram), dtype=torch.bool, device=gram.device)].min())


@measure(
    source="Forouzesh & Thiran 2021, arXiv:2107.06665 (gradient disparity)", family="gradient", cost=PAIRS, version=2
)
def gradient_disparity(subject: Subject) -> float:
    r"""Mean distance between the gradients of two batches.

    .. math:: \mathrm{mean}_{A \neq B} \lVert g_A - g_B \rVert_2, \quad g_A = \frac{1}{|A|} \sum_{i \in A} g_i

    over the ten pairs of five disjoint batches of equal size of a sample of at most 400 examples, and over 64 random
    divisions of the sample into such batches. Departs from the paper's experiments, which divide the losses of a batch
    by their standard deviation: a network that fits its training data has none to divide by. Unit: nats per unit of
    weight.
    """
    gram = gradient_pairs(subject).gram
    size = len(gram) // NUM_BATCHES
    if size == 0:
        raise UnsupportedModelError(f"It needs at least {NUM_BATCHES} training examples; it has {len(gram)}.")
    members = random_groups(subject, len(gram), size, NUM_BATCHES)  # [divisions, batches, s]: 1 where it is in
    means = members @ gram @ members.mT / size**2  # <g_A, g_B>
    norms = means.diagonal(dim1=1, dim2=2)
    squares = norms.unsqueeze(2) + norms.unsqueeze(1) - 2 * means
    first, second = torch.triu_indices(NUM_BATCHES, NUM_BATCHES, 1, device=gram.device)
    return float(squares[:, first, second].clamp_min(0).sqrt().mean())


def random_groups(subject: Subject, count: int, size: int, groups: int) -> Tensor:
    """Divide `count` examples at random into disjoint groups of `size`, NUM_DIVISIONS times.

    Returns:
        Membership [NUM_DIVISIONS, groups, count] in float64: 1 where the example is in the group.
    """
    keys = torch.rand(NUM_DIVISIONS, count, generator=subject.generator("groups", size), device=subject.device)
    chosen = keys.argsort(1)[:, : size * groups].unflatten(1, (groups, size))
    members = torch.zeros(NUM_DIVISIONS, groups, count, dtype=torch.float64, device=subject.device)
    return members.scatter(2, chosen, 1.0)


def _at_least_two(subject: Subject) -> Tensor:
    gram = gradient_pairs(subject).gram
    if len(gram) == 1:
        raise UnsupportedModelError("It needs at least two training examples; it has one.")
    return gram


def _mean_cosine(subject: Subject, pairs: Callable[[Tensor], Tensor]) -> float:
    """Mean cosine over pairs i, j, not i = j, chosen from whether their labels are the same [s, s]."""
    gram, labels = _at_least_two(subject), gradient_pairs(subject).labels
    norms = gram.diagonal().clamp_min(0).sqrt()
    chosen = pairs(labels.unsqueeze(1) == labels) & ~torch.eye(len(gram), dtype=torch.bool, device=gram.device)
    chosen &= (norms.unsqueeze(1) > 0) & (norms > 0)
    if not chosen.any():
        raise UnsupportedModelError("No pair of training examples of these labels has two nonzero gradients.")
    return float((gram / (norms.unsqueeze(1) * norms))[chosen].mean())


def _nonzero_mean(statistics: GradientStatistics) -> float:
    """The squared norm of the mean gradient."""
    squared = _squared_norm_of_mean(statistics)
    if squared == 0:
        raise UnsupportedModelError("The mean gradient over the training examples is exactly zero.")
    return squared


def variance(statistics: GradientStatistics) -> float:
    """Mean squared distance of the gradients from their mean."""
    return float(statistics.squared_norms.double().mean()) - _squared_norm_of_mean(statistics)


def _squared_norm_of_mean(statistics: GradientStatistics) -> float:
    return float(_flat(statistics.mean).square().sum())


def _flat(parts: dict[str, Tensor]) -> Tensor:
    """All parameters side by side [p], in float64."""
    return torch.cat([part.flatten() for part in parts.values()]).double()
