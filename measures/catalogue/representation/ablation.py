"""Ablation: how much of the training accuracy is left when hidden units are silenced."""

from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, measure
from measures.passes.activations.bottlenecks import forward_with_visitor, hidden_bottlenecks
from measures.passes.activations.features import sample_examples

NUM_EXAMPLES: Final = 64  # each with an order of units of its own, so that one draw does
SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the units that are silent


@measure(source="Morcos et al. 2018, arXiv:1803.06959, sec. 3.1", family="representation", expected_sign=-1,
         cost="5 forward passes on 64 examples", version=2)  # fmt: skip
def single_direction_auc(subject: Subject) -> float:
    r"""Area under the training accuracy over the share of hidden units that are set to zero.

    .. math:: \int_0^1 \mathrm{acc}(q)\, dq, \quad
        \mathrm{acc}(q) = \frac{1}{s} \sum_i 1 \left[ \arg\max f(x_i; h_u = 0 \text{ where } z_{iu} < q) = y_i \right]

    by the trapezium rule at q = 0, 1/4, 1/2, 3/4, 1. A unit u is a channel of maps, or a feature of vectors and tokens,
    of an activation that all paths lead through; z is uniform on [0, 1], drawn for each example and unit, so that units
    fall silent in a random order. The paper silences units of all layers, in orders that are common to all examples,
    and finds zero as good as the mean. Of min(m, 64) training examples. No unit, between 0 and 1. Invariant when ReLU
    layers are rescaled or a constant is added to all logits.
    """
    hidden_bottlenecks(subject)
    sample = sample_examples(subject, NUM_EXAMPLES)
    draws: dict[int, Tensor] = {}
    accuracies = []
    for q in SHARES:
        hits = 0
        for start in range(0, len(sample.labels), CHUNK):
            rows = slice(start, start + CHUNK)

            def silence(number: int, activation: Tensor, q: float = q, rows: slice = rows) -> Tensor:
                if number == 0:
                    return activation
                channel = 1 if activation.dim() > 3 else activation.dim() - 1  # noqa: PLR2004  [n, c, h, w]
                units = activation.shape[channel]
                if number not in draws:
                    size = (len(sample.labels), units)
                    generator = subject.generator("ablation", number)
                    draws[number] = torch.rand(size, generator=generator, device=subject.device)
                shape = [len(activation), *[1] * (activation.dim() - 1)]
                shape[channel] = units
                return activation * (draws[number][rows] >= q).reshape(shape)

            with torch.no_grad():
                answers = forward_with_visitor(subject, sample.inputs[rows], silence)
            hits += int((answers.argmax(1) == sample.labels[rows]).sum())
        accuracies.append(hits / len(sample.labels))
    steps = zip(SHARES, SHARES[1:], accuracies, accuracies[1:], strict=False)
    return sum((right - left) * (a + b) / 2 for left, right, a, b in steps)
