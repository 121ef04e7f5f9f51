"""Distance to the decision boundary along an adversarial path, and boundary thickness."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure, shared
from measures.passes.activations.bottlenecks import norm_squared
from measures.passes.activations.features import margin_of, sample_examples
from measures.passes.activations.outputs import output_margin

NUM_EXAMPLES: Final = 128  # bounds the cost: STEPS forward and backward passes of each
STEPS: Final = 4  # Newton steps towards the boundary; a piecewise linear network mostly needs two
OVERSHOOT: Final = 0.1  # of each step, so that the last lands behind the boundary; DeepFool has 0.02 and more steps
LONGEST: Final = 0.25  # of the root of the number of pixels, about the norm of a normalised input: where it is flat
GRADIENT_FLOOR: Final = 1e-6  # added to squared gradient norms
SEGMENTS: Final = 8  # of the way, between which logits are interpolated
FINE: Final = 128  # points of the way where softmax is taken; Yang et al. 2020
THICK: Final = (0.0, 0.75)  # alpha and beta of Yang et al. 2020


@dataclass(frozen=True, slots=True)
class Ways:
    """Straight ways from n examples to where they are answered otherwise.

    Attributes:
        labels: [n].
        lengths: Euclidean [n]; zero where the example is misclassified to begin with.
        logits: at SEGMENTS + 1 equally spaced points [n, SEGMENTS + 1, k], the example first.
    """

    labels: Tensor
    lengths: Tensor
    logits: Tensor


@shared
def ways(subject: Subject) -> Ways:
    """Ways found by a few steps to the boundary of the network linearised where the last step has led."""
    subject.require_real_inputs()
    sample = sample_examples(subject, NUM_EXAMPLES)
    start, labels = sample.inputs, sample.labels
    end = start.clone()
    longest = LONGEST * start[0].numel() ** 0.5
    for _ in range(STEPS):
        with torch.enable_grad():
            x = end.clone().requires_grad_()
            margin = margin_of(subject.logits_of(x), labels)
            (gradient,) = torch.autograd.grad(margin.sum(), x)
        margin = margin.detach()
        squares = norm_squared(gradient) + GRADIENT_FLOOR
        size = ((1 + OVERSHOOT) * margin / squares.sqrt()).clamp(0, longest)  # none where the answer is another
        end = end - gradient * (size / squares.sqrt()).reshape(-1, *[1] * (start.dim() - 1))
    shares = torch.linspace(0, 1, SEGMENTS + 1, dtype=start.dtype, device=start.device)
    with torch.no_grad():
        logits = torch.stack([subject.logits_of(start + t * (end - start)) for t in shares], 1)
    return Ways(labels, norm_squared(end - start).double().sqrt(), logits.double())


@measure(source="Moosavi-Dezfooli et al. 2016, arXiv:1511.04599, algorithm 2 (DeepFool)", family="margin",
         expected_sign=-1, version=2, cost="4 forward and backward and 9 forward passes on 128 examples")  # fmt: skip
def adv_radius(subject: Subject) -> float:
    r"""Mean length of the shortest input perturbation found that takes the answer away from the label.

    .. math:: \frac{1}{s} \sum_i \lVert r_i \rVert_2, \quad f(x_i + r_i)_{y_i} \le \max_{k \ne y_i} f(x_i + r_i)_k

    Four steps to the boundary with the best other class of the network linearised at the last point, each a tenth too
    long and at most a quarter of the root of the number of pixels; then back along the straight line to the first of
    its crossings, between nine points of which logits are interpolated. Zero for examples that are misclassified; where
    no step crosses the boundary, the distance gone. Departs from DeepFool, which tries every class and has 50 steps. Of
    min(m, 128) training examples. Unit: that of a normalised input, Euclidean over the whole image. Invariant when ReLU
    layers are rescaled or a constant is added to all logits; nearly when logits are scaled.
    """
    found = ways(subject)
    return float((found.lengths * first_crossing(_margins(found))).mean())


@measure(source="Yang et al. 2020, arXiv:2007.05086, definition 1", family="margin", expected_sign=-1,
         version=2, cost="shared ways to the boundary")  # fmt: skip
def boundary_thickness(subject: Subject) -> float:
    r"""Mean length of the way to an adversarial example on which the network is in doubt.

    .. math:: \frac{1}{s} \sum_i \lVert x_i' - x_i \rVert_2 \int_0^1
        1 \left[ 0 < p_{y}(x(t)) - p_{j}(x(t)) < 0.75 \right] dt, \quad x(t) = x_i + t (x_i' - x_i)

    x_i' is the example to which the steps of `adv_radius` lead, answered as class j; s counts those of min(m, 128)
    training examples that are classified correctly at x and wrongly at x'. Probabilities at the middles of 128 equal
    stretches, of logits interpolated between nine points. Departs from the paper, whose x' is found by 20 steps of
    projected gradient ascent in a ball of radius one. Unit: that of a normalised input. Invariant when ReLU layers are
    rescaled or a constant is added to all logits.
    """
    found = ways(subject)
    margins = _margins(found)
    crossed = (margins[:, 0] > 0) & (margins[:, -1] <= 0)
    if not crossed.any():
        raise UnsupportedModelError(
            "No correctly classified training example could be moved across the decision boundary."
        )
    logits, labels = found.logits[crossed], found.labels[crossed]
    rival = logits[:, -1].scatter(1, labels.unsqueeze(1), -torch.inf).argmax(1)
    p = interpolated(logits).softmax(2)
    one = torch.arange(len(labels), device=labels.device)
    doubt = p[one, :, labels] - p[one, :, rival]
    low, high = THICK
    share = ((doubt > low) & (doubt < high)).double().mean(1)
    return float((found.lengths[crossed] * share).mean())


def first_crossing(margins: Tensor) -> Tensor:
    """Where along the way [n] margins [n, points], linear between the points, first fall to zero; one if nowhere."""
    count = margins.shape[1] - 1
    falls = margins[:, 1:] <= 0
    segment = torch.where(falls.any(1), falls.int().argmax(1), count)  # the first that ends below
    ends = segment.clamp_max(count - 1).unsqueeze(1)
    before, after = margins.gather(1, ends).squeeze(1), margins.gather(1, ends + 1).squeeze(1)
    inside = (before / (before - after)).nan_to_num(0).clamp(0, 1)
    place = torch.where(segment < count, (segment + inside) / count, torch.ones_like(inside))
    return torch.where(margins[:, 0] <= 0, torch.zeros_like(place), place)


def interpolated(logits: Tensor) -> Tensor:
    """Logits [n, FINE, k] at the middles of FINE equal stretches of the way, linear between points [n, points, k]."""
    count = logits.shape[1] - 1
    place = (torch.arange(FINE, dtype=logits.dtype, device=logits.device) + 0.5) / FINE * count
    left = place.long().clamp_max(count - 1)
    share = (place - left).reshape(1, -1, 1)
    return (1 - share) * logits[:, left] + share * logits[:, left + 1]


def _margins(found: Ways) -> Tensor:
    """Output margins [n, points]."""
    n, points, k = found.logits.shape
    repeated = found.labels.repeat_interleave(points)
    return output_margin(found.logits.reshape(n * points, k), repeated).reshape(n, points)
