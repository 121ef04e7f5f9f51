"""Worst-case sharpness in a box proportional to the weights, and sharpness of normalised logits.

Normalised logits are (f - mean_k f) / ||f - mean_k f||_2: otherwise a network becomes flat by scaling up its logits
(Andriushchenko et al. 2023). Losses are mean cross-entropies in nats on at most 256 training examples.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.perturbations.ascent import (
    Loss,
    evaluate,
    loss_gradient,
    normalised_cross_entropy,
    trained_gradient,
    trained_gradient_normalised,
)

RHO: Final = 0.05  # as `sam_sharpness`
ADAPTIVE_RHO: Final = 0.5  # as `asam_l2`
BOX: Final = 0.005  # of each weight's magnitude: trained digits networks lose a tenth of accuracy at 0.002 to 0.04
NUM_GRADIENTS: Final = 5  # bounds the cost; the source takes 20
MOMENTUM: Final = 0.75  # weight of the new step against the last one; Croce & Hein 2020
SOURCE: Final = "Andriushchenko et al. 2023, arXiv:2302.07011"

Point = dict[str, Tensor]
Evaluated = tuple[float, float, Point]


@measure(source=f"{SOURCE}, sec. 3; Croce & Hein 2020, arXiv:2003.01690, alg. 1", family="sharpness",
         cost="5 forward and backward passes on 256 examples")  # fmt: skip
def asam_linf(subject: Subject) -> float:
    r"""Largest rise of the loss that automatic projected ascent finds in the box of a share of each weight.

    .. math:: \max_{|u_i| \le \rho |w_i|} L(w + u) - L(w), \quad \rho = 0.005

    Ascent: z = clip(u_t + eta b sign(g)), u_{t+1} = clip(u_t + 0.75 (z - u_t) + 0.25 (u_t - u_{t-1})) in the box of
    half-width b = rho |w|, from u = 0 with eta = 2, of which the best point counts. Departs from the sources in 5 steps
    instead of 20, and in halving eta, and going back to the best point, whenever a step has not raised the loss instead
    of at checkpoints. Unit: nats. Invariant to the rescaling of layers.
    """
    return _automatic_ascent(subject, trained_gradient(subject), cross_entropy)


@measure(source=f"{SOURCE}, sec. 3 and 4", family="sharpness", cost="6 forward and backward passes on 256 examples")
def asam_linf_logit_norm(subject: Subject) -> float:
    r"""As `asam_linf`, of the loss of normalised logits.

    .. math:: \max_{|u_i| \le \rho |w_i|} \tilde L(w + u) - \tilde L(w), \quad \rho = 0.005

    with L~ the cross-entropy of normalised logits. Unit: nats. Invariant to the rescaling of layers and to the scale of
    all logits.
    """
    return _automatic_ascent(subject, trained_gradient_normalised(subject), normalised_cross_entropy)


@measure(source=f"Foret et al. 2021, arXiv:2010.01412, eq. 2; {SOURCE}, sec. 3", family="sharpness",
         cost="2 forward and 1 backward passes on 256 examples")  # fmt: skip
def sam_sharpness_logit_norm(subject: Subject) -> float:
    r"""As `sam_sharpness`, of the loss of normalised logits.

    .. math:: \tilde L(w + \rho\, g / \lVert g \rVert_2) - \tilde L(w), \quad g = \nabla \tilde L(w), \quad \rho = 0.05

    with L~ the cross-entropy of normalised logits. Unit: nats. Not invariant to the rescaling of layers.
    """
    before, _, slope = trained_gradient_normalised(subject)
    length = _length(slope)
    return _rise(subject, {name: RHO / length * g for name, g in slope.items()}, before)


@measure(source=f"Kwon et al. 2021, arXiv:2102.11600 (adaptive sharpness); {SOURCE}, sec. 3", family="sharpness",
         cost="2 forward and 1 backward passes on 256 examples")  # fmt: skip
def asam_l2_logit_norm(subject: Subject) -> float:
    r"""As `asam_l2`, of the loss of normalised logits.

    .. math:: \tilde L\Big(w + \rho\, \frac{w^2 \odot g}{\lVert w \odot g \rVert_2}\Big) - \tilde L(w), \quad
        g = \nabla \tilde L(w), \quad \rho = 0.5

    with L~ the cross-entropy of normalised logits. Unit: nats. Invariant to the rescaling of layers and to the scale of
    all logits.
    """
    before, _, slope = trained_gradient_normalised(subject)
    scaled = {name: subject.params[name] * g for name, g in slope.items()}
    factor = ADAPTIVE_RHO / _length(scaled)
    return _rise(subject, {name: factor * subject.params[name] * part for name, part in scaled.items()}, before)


def _automatic_ascent(subject: Subject, start: Evaluated, objective: Loss) -> float:
    """Highest loss along the ascent minus the loss at the trained weights."""
    bound = {name: BOX * w.abs() for name, w in subject.params.items()}
    moved = last = {name: torch.zeros_like(b) for name, b in bound.items()}
    best, best_at, best_slope = start[0], moved, start[2]
    loss, slope, eta = start[0], start[2], 2.0
    for step in range(NUM_GRADIENTS):
        aim = {name: (moved[name] + eta * b * slope[name].sign()).clamp(-b, b) for name, b in bound.items()}
        share = MOMENTUM if step else 1.0
        following = {
            name: (moved[name] + share * (aim[name] - moved[name]) + (1 - share) * (moved[name] - last[name])).clamp(
                -b, b
            )
            for name, b in bound.items()
        }
        moved, last, before = following, moved, loss
        there = {name: w + moved[name] for name, w in subject.params.items()}
        if step == NUM_GRADIENTS - 1:
            return max(best, evaluate(subject, there, objective)[0]) - start[0]
        loss, _, slope = loss_gradient(subject, there, objective)
        if loss > best:
            best, best_at, best_slope = loss, moved, slope
        if loss <= before:
            moved, last, loss, slope, eta = best_at, best_at, best, best_slope, eta / 2
    return best - start[0]


def _rise(subject: Subject, displacement: Mapping[str, Tensor], before: float) -> float:
    moved = {name: w + displacement[name] for name, w in subject.params.items()}
    return evaluate(subject, moved, normalised_cross_entropy)[0] - before


def _length(gradient_: Mapping[str, Tensor]) -> float:
    """Euclidean length; refuses zero."""
    length = float(torch.stack([g.square().sum() for g in gradient_.values()]).sum().sqrt())
    if length == 0:
        raise UnsupportedModelError(
            "The gradient of its normalised loss is exactly zero, so that there is no direction of ascent."
        )
    return length
