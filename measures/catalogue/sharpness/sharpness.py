"""Sharpness: rise of the training loss within a ball or box around the weights, by first-order ascent.

L is the mean cross-entropy in nats, and perturbations are of all parameters.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.outputs import logits, losses
from measures.passes.gradients.per_sample import gradient_statistics
from measures.passes.perturbations.ascent import trained_gradient, worst_in_box

RHO: Final = 0.05  # radius in Euclidean norm; the default of the paper
ADAPTIVE_RHO: Final = 0.5  # radius in units of the weights; the default of Kwon et al. on CIFAR-10
KESKAR_EPSILON: Final = 1e-3  # the larger of the two boxes of the paper
BATCH: Final = 128  # m of m-sharpness; Andriushchenko et al. 2023
MAX_BATCHES: Final = 4  # bounds the cost; a mean over 512 examples


@measure(
    source="Foret et al. 2021, arXiv:2010.01412, eq. 2", family="sharpness", cost="1 sweep of gradients, 1 forward pass"
)
def sam_sharpness(subject: Subject) -> float:
    r"""Rise of the mean training loss after one step of length rho up its gradient.

    .. math:: L(w + \rho\, g / \lVert g \rVert_2) - L(w), \quad g = \nabla L(w), \quad \rho = 0.05

    L is the mean cross-entropy in nats over all training examples, g is with respect to all parameters. The
    paper's maximum over the ball is replaced by its own first-order solution, and its batches by the training set.
    Unit: nats. Not invariant to the rescaling of layers.
    """
    gradient = gradient_statistics(subject).mean
    step = {name: RHO / _length(gradient) * g for name, g in gradient.items()}
    return _loss_at(subject, step) - float(losses(subject).double().mean())


@measure(
    source="Kwon et al. 2021, arXiv:2102.11600 (adaptive sharpness)",
    family="sharpness",
    cost="1 sweep of gradients, 1 forward pass",
)
def asam_l2(subject: Subject) -> float:
    r"""Rise of the mean training loss after one step within an ellipsoid that has the shape of the weights.

    .. math:: L\Big(w + \rho\, \frac{w^2 \odot g}{\lVert w \odot g \rVert_2}\Big) - L(w), \quad
        g = \nabla L(w), \quad \rho = 0.5

    the first-order solution of the maximum over ||u / |w| ||_2 <= rho, with products and squares by element, over all
    training examples. Departs from the paper in its eta: no constant is added to |w|, so that zero weights stay. Unit:
    nats. Invariant to the rescaling of layers.
    """
    gradient = gradient_statistics(subject).mean
    scaled = {name: subject.params[name] * g for name, g in gradient.items()}
    factor = ADAPTIVE_RHO / _length(scaled)
    step = {name: factor * subject.params[name] * part for name, part in scaled.items()}
    return _loss_at(subject, step) - float(losses(subject).double().mean())


@measure(source="Foret et al. 2021, arXiv:2010.01412, sec. 4.1; Andriushchenko et al. 2023, arXiv:2302.07011",
         family="sharpness", cost="2 passes forward and 1 backward over 512 examples")  # fmt: skip
def m_sharpness(subject: Subject) -> float:
    r"""Mean over disjoint batches of the rise of each one's loss after one step up its own gradient.

    .. math:: \frac{1}{|B|} \sum_{b \in B} L_b(w + \rho\, g_b / \lVert g_b \rVert_2) - L_b(w), \quad
        g_b = \nabla L_b(w), \quad \rho = 0.05

    with batches b of m = 128 training examples, at most 4 of them; examples that fill no batch are left out, unless
    there are fewer than 128. Departs from the second source, which takes 20 steps. Unit: nats. Not invariant to the
    rescaling of layers.
    """
    logits(subject)  # refuses a network whose logits are not finite
    chosen = subject.sample(min(MAX_BATCHES, max(1, subject.num_examples // BATCH)) * BATCH)
    rises = []
    for batch in chosen.split(BATCH):
        x, y = subject.inputs[batch], subject.labels[batch]
        leaves = {name: p.detach().requires_grad_() for name, p in subject.params.items()}
        loss = cross_entropy(subject.forward(leaves, x), y)
        slopes = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
        gradient = dict(zip(leaves, slopes, strict=True))
        length = _length(gradient)
        raised = {name: w + RHO / length * gradient[name] for name, w in subject.params.items()}
        with torch.no_grad():
            rises.append(float(cross_entropy(subject.forward(raised, x), y) - loss))
    return sum(rises) / len(rises)


@measure(source="Keskar et al. 2017, arXiv:1609.04836, metric 2.1", family="sharpness",
         cost="3 forward and backward passes on 256 examples")  # fmt: skip
def keskar_eps_sharpness(subject: Subject) -> float:
    r"""Relative rise of the loss within a box that grows with the weights, in percent.

    .. math:: 100\, \frac{\max_{u \in C} L(w + u) - L(w)}{1 + L(w)}, \quad
        C = \{ u : |u_i| \le \epsilon (|w_i| + 1) \}, \quad \epsilon = 10^{-3}

    Departs from the paper in the maximum, 3 steps of ascent up the sign of the gradient instead of 10 of L-BFGS-B, and
    in the loss, of at most 256 training examples. Unit: percent. Not invariant to the rescaling of layers.
    """
    before = trained_gradient(subject)[0]
    box = {name: KESKAR_EPSILON * (w.abs() + 1) for name, w in subject.params.items()}
    return 100 * (worst_in_box(subject, box)[0] - before) / (1 + before)


def _loss_at(subject: Subject, displacement: Mapping[str, Tensor]) -> float:
    """Mean loss of all training examples at the displaced weights."""
    moved = {name: w + displacement[name] for name, w in subject.params.items()}
    with torch.no_grad():
        total = sum(
            float(cross_entropy(subject.forward(moved, x), y, reduction="sum").double()) for x, y in subject.batches()
        )
    return total / subject.num_examples


def _length(gradient: Mapping[str, Tensor]) -> float:
    """Euclidean length; refuses zero."""
    length = float(torch.stack([g.square().sum() for g in gradient.values()]).sum().sqrt())
    if length == 0:
        raise UnsupportedModelError(
            "The gradient of its training loss is exactly zero, so that there is no direction of ascent."
        )
    return length
