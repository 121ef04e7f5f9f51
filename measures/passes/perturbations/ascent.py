"""Projected ascent up the sign of the gradient within a box around the weights.

Within a box |u_i| <= b_i the first-order rise of the loss is largest at u = b sign(g); ascent starts there and follows
the gradient from corner to corner. The searched boxes are of the parameters with batch norm folded in
(`measures.passes.weights.folded_network`), all else of the network's own.
"""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import Subject, shared
from measures.passes.activations.outputs import logits
from measures.passes.perturbations.noise_scale import EPSILON, largest_scale, normalise_logits
from measures.passes.weights.folded_network import folded_network

NUM_EXAMPLES: Final = 256  # bounds the cost: a search takes half a dozen forward and backward passes
NUM_STEPS: Final = 3  # each a gradient but the first, which all scales share; more raise the drop by little
BOX_START: Final = 2e-3  # networks trained on small images bear 5e-4 to 8e-3 in every weight
MAGNITUDE_BOX_START: Final = 1e-2  # and 2e-3 to 6e-2 of their own magnitude

Loss = Callable[[Tensor, Tensor], Tensor]  # logits [n, k] and labels [n] to a mean
Forward = Callable[[Mapping[str, Tensor], Tensor], Tensor]  # parameters and inputs to logits [n, k]


@shared
def box_scale(subject: Subject) -> float:
    """Half-width alpha of the box |u_i| <= alpha in which ascent loses a tenth of the training accuracy."""
    return _search_box(subject, lambda alpha, w: torch.full_like(w, alpha), BOX_START)


@shared
def magnitude_box_scale(subject: Subject) -> float:
    """The alpha of the box |u_i| <= alpha |w_i| + epsilon in which ascent loses a tenth of the training accuracy."""
    return _search_box(subject, lambda alpha, w: alpha * w.abs() + EPSILON, MAGNITUDE_BOX_START)


@shared
def examples(subject: Subject) -> tuple[Tensor, Tensor]:
    """The NUM_EXAMPLES training inputs and labels that ascent is on, of a network whose logits are finite."""
    logits(subject)
    chosen = subject.sample(NUM_EXAMPLES)
    return subject.inputs[chosen], subject.labels[chosen]


def loss_gradient(
    subject: Subject, params: Mapping[str, Tensor], loss: Loss = cross_entropy, forward: Forward | None = None
) -> tuple[float, float, dict[str, Tensor]]:
    """Loss, accuracy and gradient by parameter on `examples` of the network, or of `forward`, with these parameters."""
    x, y = examples(subject)
    leaves = {name: p.detach().requires_grad_() for name, p in params.items()}
    outputs = (forward or subject.forward)(leaves, x)
    value = loss(outputs, y)
    slopes = torch.autograd.grad(value, list(leaves.values()), materialize_grads=True)
    accuracy = float((outputs.argmax(1) == y).double().mean())
    return float(value.detach()), accuracy, dict(zip(leaves, slopes, strict=True))


def evaluate(
    subject: Subject, params: Mapping[str, Tensor], loss: Loss = cross_entropy, forward: Forward | None = None
) -> tuple[float, float]:
    """Loss and accuracy on `examples` of the network, or of `forward`, with these parameters."""
    x, y = examples(subject)
    with torch.no_grad():
        outputs = (forward or subject.forward)(params, x)
        return float(loss(outputs, y)), float((outputs.argmax(1) == y).double().mean())


@shared
def trained_gradient(subject: Subject) -> tuple[float, float, dict[str, Tensor]]:
    """Loss, accuracy and gradient at the trained weights."""
    return loss_gradient(subject, subject.params)


@shared
def trained_gradient_normalised(subject: Subject) -> tuple[float, float, dict[str, Tensor]]:
    """The same of the loss of normalised logits."""
    return loss_gradient(subject, subject.params, normalised_cross_entropy)


def normalised_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of logits [n, k] from which their mean is taken and that are then given length one."""
    return cross_entropy(normalise_logits(logits), labels)


@shared
def folded_gradient(subject: Subject) -> tuple[float, float, dict[str, Tensor]]:
    """Loss, accuracy and gradient at the trained weights with batch norm folded in."""
    network = folded_network(subject)
    if network.params is subject.params:
        return trained_gradient(subject)
    return loss_gradient(subject, network.params, forward=network.forward)


def worst_in_box(subject: Subject, bound: Mapping[str, Tensor]) -> tuple[float, float]:
    """Highest loss and lowest accuracy at w and along NUM_STEPS of ascent in the box |u| <= bound, by parameter."""
    return ascend(subject, bound, subject.params, subject.forward, trained_gradient(subject))


def ascend(
    subject: Subject,
    bound: Mapping[str, Tensor],
    params: Mapping[str, Tensor],
    forward: Forward,
    start: tuple[float, float, dict[str, Tensor]],
) -> tuple[float, float]:
    """As `worst_in_box`, of `forward` under `params`, from loss, accuracy and gradient there."""
    loss, accuracy, slope = start
    moved = {name: torch.zeros_like(b) for name, b in bound.items()}
    for step in range(1, NUM_STEPS + 1):
        moved = {name: (moved[name] + b * slope[name].sign()).clamp(-b, b) for name, b in bound.items()}
        networks = {name: w + moved[name] for name, w in params.items()}
        if step < NUM_STEPS:
            following, hits, slope = loss_gradient(subject, networks, forward=forward)
        else:
            following, hits = evaluate(subject, networks, forward=forward)
        loss, accuracy = max(loss, following), min(accuracy, hits)
    return loss, accuracy


def _search_box(subject: Subject, box: Callable[[float, Tensor], Tensor], start: float) -> float:
    """The scale of the box at which the lowest accuracy along the ascent has dropped by a tenth."""
    network, trained = folded_network(subject), folded_gradient(subject)

    def drop(alpha: float) -> float:
        bound = {name: box(alpha, w) for name, w in network.params.items()}
        return trained[1] - ascend(subject, bound, network.params, network.forward, trained)[1]

    return largest_scale(drop, start, what="ascent in a box around its weights")
