"""Training accuracy under ablation of hidden units."""

from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, measure
from measures.passes.activations.bottlenecks import forward_with_visitor, hidden_bottlenecks
from measures.passes.activations.features import sample_examples

NUM_EXAMPLES: Final = 512  # each with two random orders of units: all of a small training set
SHARES: Final = (0.25, 0.5, 0.75)  # of the units that are silent, beside none and all


@measure(source="Morcos et al. 2018, arXiv:1803.06959, sec. 3.1", family="representation", expected_sign=-1,
         version=2, cost="7 forward passes on 512 examples")  # fmt: skip
def single_direction_auc(subject: Subject) -> float:
    r"""Area under the training accuracy over the share of hidden units that are set to zero.

    .. math:: \int_0^1 \mathrm{acc}(q)\, dq, \quad
        \mathrm{acc}(q) = \frac{1}{s} \sum_i 1 \left[ \arg\max f(x_i; h_u = 0 \text{ where } z_{iu} < q) = y_i \right]

    by the trapezium rule at q = 0, 1/4, 1/2, 3/4, 1. A unit u is a channel of maps, or a feature of vectors and tokens,
    of an activation that all paths lead through; z is uniform on [0, 1], drawn for each example and unit, so that units
    fall silent in a random order; acc is the mean of that with z and that with 1 - z, which lessens the noise of the
    draw. The paper silences units of all layers, in orders that are common to all examples, and finds zero as good as
    the mean. Of min(m, 512) training examples. On small networks of a kind the noise of the draw is still about half of
    the spread between networks. No unit, between 0 and 1. Invariant when ReLU layers are rescaled or a
    constant is added to all logits.
    """
    hidden_bottlenecks(subject)
    sample = sample_examples(subject, NUM_EXAMPLES)
    draws: dict[int, Tensor] = {}

    def accuracy(q: float, *, is_reversed: bool) -> float:
        hits = 0
        for rows in (slice(start, start + CHUNK) for start in range(0, len(sample.labels), CHUNK)):

            def silence(number: int, activation: Tensor, rows: slice = rows) -> Tensor:
                if number == 0:
                    return activation
                channel = 1 if activation.dim() > 3 else activation.dim() - 1  # noqa: PLR2004  [n, c, h, w]
                units = activation.shape[channel]
                if number not in draws:
                    size = (len(sample.labels), units)
                    generator = subject.generator("ablation", number)
                    draws[number] = torch.rand(size, generator=generator, device=subject.device)
                z = 1 - draws[number][rows] if is_reversed else draws[number][rows]
                shape = [len(activation), *[1] * (activation.dim() - 1)]
                shape[channel] = units
                return activation * (z >= q).reshape(shape)

            with torch.no_grad():
                answers = forward_with_visitor(subject, sample.inputs[rows], silence)
            hits += int((answers.argmax(1) == sample.labels[rows]).sum())
        return hits / len(sample.labels)

    middle = [(accuracy(q, is_reversed=False) + accuracy(q, is_reversed=True)) / 2 for q in SHARES]
    accuracies = [accuracy(0, is_reversed=False), *middle, accuracy(2, is_reversed=False)]
    steps = zip((0, *SHARES), (*SHARES, 1), accuracies, accuracies[1:], strict=False)
    return sum((right - left) * (a + b) / 2 for left, right, a, b in steps)
