"""Prediction depth: the layer from which nearest neighbours agree with the network."""

from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.features import FEATURE_EXAMPLES, features, sample_examples
from measures.passes.activations.geometry import layer_distances

NEIGHBOURS: Final = 10  # the paper's 30 of 50,000 examples would reach across classes of a small training set


@measure(source="Baldock et al. 2021, arXiv:2106.09647, sec. 2.1", family="representation",
         cost="shared forward pass on 400 examples, and their distances at every layer")  # fmt: skip
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
    labels = sample_examples(subject, FEATURE_EXAMPLES).labels
    if len(labels) <= NEIGHBOURS:
        raise UnsupportedModelError(f"{NEIGHBOURS} neighbours take more examples; it has {len(labels)}.")
    answers = features(subject).logits.argmax(1)
    places = layer_distances(subject)
    agree = torch.stack([vote(gaps, labels) == answers for gaps in places])  # [places, n]
    settled = agree.flip(0).long().cumprod(0).sum(0)  # how many of the last places agree without a gap
    return float((len(places) - settled).double().mean()) / len(places)


def vote(gaps: Tensor, labels: Tensor) -> Tensor:
    """The most frequent label [n] of the NEIGHBOURS nearest others by distances [n, n], the first of several."""
    others = gaps.clone().fill_diagonal_(torch.inf)
    near = labels[others.topk(NEIGHBOURS, largest=False).indices]
    return torch.nn.functional.one_hot(near).sum(1).argmax(1)
