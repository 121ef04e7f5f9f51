"""Mutual information with the labels beyond a linear classifier, and the evidence of the architecture."""

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.outputs import logits
from measures.passes.perturbations.noise_scale import logits_of_all

Array = NDArray[np.float64]

LINEAR_EXAMPLES: Final = 512  # bounds the cost: an eigendecomposition of as many rows
PENALTIES: Final = tuple(10.0**power for power in range(-4, 3))  # as shares of the mean eigenvalue
EVIDENCE_EXAMPLES: Final = 128  # bounds the cost: as many rows of the kernel, and passes over as many images
NUM_DRAWS: Final = 32  # random networks; with ten classes their 320 logits outnumber the rows
NOISES: Final = tuple(
    10.0 ** (power / 2) for power in range(-8, 3)
)  # variances of label noise, as shares of the kernel's
ROUNDING: Final = 100  # logits that differ by less machine epsilons of the largest are equal


@measure(
    source="Nakkiran et al. 2019, arXiv:1905.11604 (performance correlation)",
    family="information",
    expected_sign=-1,
    cost="1 forward pass; an eigendecomposition of 512 rows",
    version=2,
)
def cmi_linear(subject: Subject) -> float:
    r"""How much of what the network knows of the labels a linear classifier knows too.

    .. math:: \mu_Y(F; L) = I(F; Y) - I(F; Y \mid L)

    F, Y, L are the answers of the network, the labels and the answers of a linear classifier at s = min(n, 512)
    training examples; the informations are those of their counts. Departs from the paper, which takes all three on test
    data: there a classifier is judged on what it has not seen, so L here are leave-one-out answers, and those of ridge
    regression onto one-hot labels, for which they have a closed form; its penalty is the one of 10^-4, ..., 10^2 times
    the mean eigenvalue with the least squared leave-one-out error. Where the network fits, this is I(L; Y). Counts of
    few examples overestimate informations, by about (k - 1)^2 / 2s. Unit: nats.
    """
    subject.require_real_inputs()
    chosen = subject.sample(LINEAR_EXAMPLES)
    answers = logits(subject)[chosen].argmax(1)
    labels = subject.labels[chosen]
    linear = leave_one_out_answers(subject.inputs[chosen].flatten(1), labels, subject.num_classes)
    joint = np.zeros((subject.num_classes,) * 3)
    np.add.at(joint, tuple(part.cpu().numpy() for part in (linear, answers, labels)), 1 / len(chosen))
    conditional = sum(float(slab.sum()) * information(slab / slab.sum()) for slab in joint if slab.any())
    return information(joint.sum(0)) - conditional


@measure(
    source="Valle-Perez & Louis 2020, arXiv:2012.04115 (marginal likelihood)",
    family="information",
    needs={"init"},
    cost="32 forward passes of 128 examples; an eigendecomposition of 128 rows",
)
def marginal_likelihood(subject: Subject) -> float:
    r"""Minus the log-evidence an example of a Gaussian process with the kernel of the network at initialization.

    .. math:: \min_{a, \lambda} -\frac{1}{s} \sum_{c=1}^{k} \log N(Y_c; 0, a (K + \lambda I)) =
        \min_\lambda \frac{k}{2} \Big( \log 2 \pi \hat a + 1 + \frac{1}{s} \log\det(K + \lambda I) \Big), \quad
        \hat a = \frac{1}{s k} \sum_c Y_c^T (K + \lambda I)^{-1} Y_c

    K [s, s] is the mean of f(x_i) f(x_j) over logits and 32 random networks, over its mean diagonal entry; Y the
    one-hot labels minus 1 / k; s = min(n, 128); lambda is 10^-4, 10^-3.5, ... or 10. Every tensor of parameters is
    drawn independently and Gaussian, with the mean and the standard deviation of its entries at initialization or, for
    a matrix that starts as zeros (an output layer often does), with variance one over its number of inputs; logits are
    in eval mode and minus their mean over classes. Departs from the paper in the Gaussian likelihood, there that of a
    step; in the distribution, known here by one draw; and in the bound, of which this is the term that varies. A kernel
    of few draws is noisy, by which the evidence seems less: on digits by up to a nat, where labels at random have two
    to four nats less than true ones. The draws are the same for all networks of a shape, so that they cancel where
    those are compared. Other draws move the evidence by about half of the spread between networks of one corruption.
    Says nothing of training: networks of one architecture differ by their labels alone. Unit: nats an example.
    """
    chosen = subject.sample(EVIDENCE_EXAMPLES)
    features = _random_logits(subject, subject.inputs[chosen])  # [s, draws * k]
    K = (features @ features.T).cpu().numpy()
    if not K.any():
        raise UnsupportedModelError("At initialization it gives equal logits to every input: its kernel is zero.")
    Y = torch.nn.functional.one_hot(subject.labels[chosen], subject.num_classes).double() - 1 / subject.num_classes
    return least_surprise(K / K.trace() * len(K), Y.cpu().numpy())


def least_surprise(kernel: Array, targets: Array) -> float:
    """Minus the largest log-evidence an example of `targets` [s, k] under `kernel` [s, s], over scale and noise."""
    values, vectors = np.linalg.eigh(kernel)
    s, k = targets.shape
    power = np.square(vectors.T @ targets).sum(1)  # [s]
    found = []
    for noise in NOISES:
        spectrum = values.clip(0) + noise
        scale = (power / spectrum).sum() / (s * k)
        found.append(k / 2 * (math.log(2 * math.pi * scale) + 1 + np.log(spectrum).sum() / s))
    return float(min(found))


def leave_one_out_answers(inputs: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    r"""Classes [s] that ridge regression with an intercept gives to each of `inputs` [s, d] when trained on the others.

    With H = K (K + \lambda I)^{-1} the residual of the fit without example i is (y_i - (H y)_i) / (1 - H_ii).
    """
    X = inputs.double()
    X = torch.cat([X, X.square().mean().sqrt().expand(len(X), 1)], 1)  # an intercept of the size of the inputs
    Y = torch.nn.functional.one_hot(labels, num_classes).double()
    values, vectors = torch.linalg.eigh(X @ X.T)
    values = values.clamp_min(0)
    best: tuple[float, Tensor] | None = None
    for penalty in PENALTIES:
        shrunk = values / (values + penalty * values.mean())
        H = (vectors * shrunk) @ vectors.T
        residuals = (Y - H @ Y) / (1 - H.diagonal()).unsqueeze(1)
        error = float(residuals.square().sum())
        if best is None or error < best[0]:
            best = error, (Y - residuals).argmax(1)
    return best[1] if best is not None else labels


def information(joint: Array) -> float:
    """Mutual information in nats of a joint distribution [a, b]."""
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / independent[some])).sum())


def _random_logits(subject: Subject, inputs: Tensor) -> Tensor:
    """Centred logits [s, draws * k], float64, of networks drawn as at initialization."""
    generator, buffers = subject.generator("random_networks"), subject.init_buffers
    drawn = {}
    for name, start in subject.init_params.items():
        noise = torch.randn((NUM_DRAWS, *start.shape), generator=generator, device=subject.device).to(subject.dtype)
        drawn[name] = start.mean() + _spread(start) * noise

    drawn |= {name: value.expand(NUM_DRAWS, *value.shape) for name, value in buffers.items()}
    with torch.no_grad():
        found = logits_of_all(subject, drawn, inputs)  # [draws, s, k]
    centred = found - found.mean(2, keepdim=True)
    rounding = ROUNDING * torch.finfo(found.dtype).eps * found.abs().max()
    return centred.where(centred.abs() > rounding, 0.0).double().permute(1, 0, 2).flatten(1)


def _spread(start: Tensor) -> float:
    """Standard deviation of the entries of a tensor, or that of the usual initialization for a matrix of zeros."""
    if start.dim() > 1 and not start.any():
        return math.sqrt(start.shape[0] / start.numel())
    return float(start.std(correction=0))
