"""Variation of the labels on nearest-neighbour graphs of the features."""

import itertools
import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.features import FEATURE_EXAMPLES, compute_features, features, sample_examples

NUM_MIXTURES: Final = 4  # draws of partners and shares, each a forward pass
NEIGHBOURS: Final = 20  # of the cosine graph; Lassance et al. 2020, published code, as is the one of the others
SOURCE: Final = "Lassance et al. 2020, arXiv:2011.12737"


@measure(
    source=f"{SOURCE} (variation rate)", family="representation", cost="shared forward pass on 400 examples", version=2
)
def vr(subject: Subject) -> float:
    r"""Variation rate: how much the variation of the labels changes from one of the last representations to the next.

    .. math:: \frac{1}{r - 1} \sum_{l=1}^{r-1} \left| \sigma_{l+1} - \sigma_l \right|, \quad
        \sigma = \frac{\sum_{ij} A_{ij} 1[y_i \ne y_j]}{\sum_{ij} A_{ij}}

    Over what goes into the last two blocks or layers and the logits. A joins each example with its 20 nearest by cosine
    similarity, or them with it, with the similarity as weight, at least zero. sigma is tr(Y^T (D - A) Y) for one-hot
    labels Y, here relative to the weight of all edges, where the published code divides by a constant. Of min(m, 400)
    training examples. No unit, between 0 and 1. Nearly invariant when ReLU layers are rescaled.
    """
    found = features(subject)
    _refuse_alone(found.labels)
    differ = found.labels[:, None] != found.labels
    shares = []
    for points in (*found.late[-2:], found.logits):
        unit = normalize(points.double())
        similarity = (unit @ unit.T).clamp(0, 1)
        weights = similarity * nearest(similarity, NEIGHBOURS)
        if not weights.any():
            raise UnsupportedModelError("No two examples have features with a positive cosine similarity.")
        shares.append(float((weights * differ).sum() / weights.sum()))
    return sum(abs(b - a) for a, b in itertools.pairwise(shares)) / (len(shares) - 1)


@measure(
    source=f"{SOURCE} (worst case variation)",
    family="representation",
    cost="shared forward pass on 400 examples",
    version=2,
)
def wcv(subject: Subject) -> float:
    r"""Worst case variation: the largest variation of the labels in the last third of the network.

    .. math:: \max_l \frac{1}{n} \mathrm{tr} \left( Y^T (I - D^{-1/2} A D^{-1/2}) Y \right)

    Y are one-hot labels [n, K]; A joins each example with its nearest by the Euclidean distance of activations of
    length one, or it with it, and D is its degree; where several are equally near, with all of them. The activations
    are those that all paths lead through, in the last third. The published code divides by 2000 for n = 500. Of
    min(m, 400) training examples. No unit, between 0 and 2. Nearly invariant when ReLU layers are rescaled.
    """
    found = features(subject)
    _refuse_alone(found.labels)
    labels = one_hot(found.labels, subject.num_classes).double()
    return max(variation(points, labels) for points in found.late)


@measure(source=f"{SOURCE} (variation of the penultimate layer with mixup)", family="representation",
         cost="4 forward passes on 400 examples", version=2)  # fmt: skip
def vpm(subject: Subject) -> float:
    r"""Variation of mixed labels on the graph of the penultimate features of mixed inputs.

    .. math:: \frac{1}{n} \mathrm{tr} \left( Y^T (I - D^{-1/2} A D^{-1/2}) Y \right), \quad
        x_i' = \lambda_i x_i + (1 - \lambda_i) x_{\pi(i)}, \quad
        Y_i = \lambda_i e_{y_i} + (1 - \lambda_i) e_{y_{\pi(i)}}

    with lambda from Beta(2, 2) for each example, pi a random permutation, and the graph of `wcv`, which the published
    code leaves unsymmetric here; the mean of 4 draws, where the code has one. Of min(m, 400) training examples. No
    unit, between 0 and 2. Nearly invariant when ReLU layers are rescaled.
    """
    sample = sample_examples(subject, FEATURE_EXAMPLES)
    _refuse_alone(sample.labels)
    generator = subject.generator("vpm")
    labels = one_hot(sample.labels, subject.num_classes).double()
    n, found = len(labels), []
    for _ in range(NUM_MIXTURES):
        uniform = torch.rand(n, 3, generator=generator, device=subject.device).to(subject.dtype)
        share = uniform.median(1, keepdim=True).values  # the median of three uniform numbers is Beta(2, 2)
        partner = torch.randperm(n, generator=generator, device=subject.device)
        weight = share.reshape(-1, *[1] * (sample.inputs.dim() - 1))
        mixed = weight * sample.inputs + (1 - weight) * sample.inputs[partner]
        targets = share * labels + (1 - share) * labels[partner]
        found.append(variation(compute_features(subject, mixed, sample.labels).penultimate, targets))
    return sum(found) / len(found)


def variation(points: Tensor, labels: Tensor) -> float:
    """Mean variation of `labels` [n, k] on the graph of nearest neighbours of `points` [n, d], Laplacian normalised."""
    unit = normalize(points.double())
    lengths = unit.square().sum(1)  # one, but for activations that vanish: those are nearest to each other
    adjacency = nearest(unit @ unit.T - (lengths[:, None] + lengths) / 2, 1).double()
    root = adjacency.sum(1).rsqrt()
    smooth = root[:, None] * (adjacency @ (root[:, None] * labels))
    return float((labels * (labels - smooth)).sum()) / len(labels)


def nearest(similarity: Tensor, count: int) -> Tensor:
    """Which pairs [n, n] are among the `count` most similar of either; ties with the last of them count."""
    others = similarity.clone().fill_diagonal_(-math.inf)
    least = others.topk(min(count, len(others) - 1)).values[:, -1:]
    close = others >= least
    return close | close.T


def _refuse_alone(labels: Tensor) -> None:
    if len(labels) < 2:  # noqa: PLR2004  an example and a neighbour
        raise UnsupportedModelError("It needs at least two examples; it has one.")
