"""Prediction depth: the layer from which nearest neighbours agree with the network."""

from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, UnsupportedModelError, measure
from measures.passes.activations.bottlenecks import bottlenecks, forward_with_visitor
from measures.passes.activations.features import FEATURE_EXAMPLES, sample_examples

NEIGHBOURS: Final = 10  # the paper's 30 of 50,000 examples would reach across classes of a small training set


@measure(source="Baldock et al. 2021, arXiv:2106.09647, sec. 2.1", family="representation",
         cost="1 forward pass on 400 examples, and their distances at every layer")  # fmt: skip
def prediction_depth(subject: Subject) -> float:
    r"""Mean depth from which on the nearest neighbours of a training example vote as the network answers.

    .. math:: \frac{1}{n P} \sum_i \min \{ l : \hat y_i^{(p)} = \arg\max_k f(x_i)_k \text{ for all } p \ge l \}

    with places l = 0, ..., P - 1, the activations that all paths lead through, the input first; P where the last of
    them still votes otherwise. The vote is that of the labels of the 10 nearest other examples by Euclidean distance,
    ties to the first class. Departs from the paper in the number of neighbours and in the share of the depth, so that
    networks of different depth compare. Of min(m, 400) training examples. No unit, between 0 and 1.

    Raises:
        UnsupportedModelError: there are too few examples for the neighbours.
    """
    sample = sample_examples(subject, FEATURE_EXAMPLES)
    if len(sample.labels) <= NEIGHBOURS:
        raise UnsupportedModelError(f"{NEIGHBOURS} neighbours take more examples; it has {len(sample.labels)}.")
    held: list[list[Tensor]] = [[] for _ in bottlenecks(subject)]

    def keep(number: int, activation: Tensor) -> Tensor:
        held[number].append(activation.flatten(1).clone())
        return activation

    with torch.no_grad():
        logits = torch.cat([forward_with_visitor(subject, x, keep) for x in sample.inputs.split(CHUNK)])
    answers = logits.argmax(1)
    agree = torch.stack([vote(torch.cat(parts), sample.labels) == answers for parts in held])  # [places, n]
    settled = agree.flip(0).long().cumprod(0).sum(0)  # how many of the last places agree without a gap
    return float((len(held) - settled).double().mean()) / len(held)


def vote(points: Tensor, labels: Tensor) -> Tensor:
    """The most frequent label [n] of the NEIGHBOURS nearest other `points` [n, d], the first of several."""
    points = points.double()
    gaps = torch.cdist(points, points, compute_mode="use_mm_for_euclid_dist").fill_diagonal_(torch.inf)
    near = labels[gaps.topk(NEIGHBOURS, largest=False).indices]
    return torch.nn.functional.one_hot(near).sum(1).argmax(1)
