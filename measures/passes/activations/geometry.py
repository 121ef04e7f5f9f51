"""Distances between training examples at every bottleneck of a network."""

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, shared
from measures.passes.activations.bottlenecks import bottlenecks, forward_with_visitor
from measures.passes.activations.features import FEATURE_EXAMPLES, sample_examples


@shared
def layer_distances(subject: Subject) -> Tensor:
    """Euclidean distances [P, n, n] of the flattened activations at the P bottlenecks, the input first, in float64.

    Of the first FEATURE_EXAMPLES examples of the fixed draw. The diagonals are exactly zero.
    """
    held: list[list[Tensor]] = [[] for _ in bottlenecks(subject)]

    def keep(number: int, activation: Tensor) -> Tensor:
        held[number].append(activation.flatten(1).clone())
        return activation

    with torch.no_grad():
        for x in sample_examples(subject, FEATURE_EXAMPLES).inputs.split(CHUNK):
            forward_with_visitor(subject, x, keep)
    found = []
    for parts in held:
        points = torch.cat(parts).double()
        points -= points[0].clone()  # equal activations are then at a distance of exactly zero
        found.append(torch.cdist(points, points, compute_mode="use_mm_for_euclid_dist").fill_diagonal_(0))
    return torch.stack(found)
