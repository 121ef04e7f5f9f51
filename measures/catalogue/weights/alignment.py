"""Alignment of neighbouring layers."""

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.weights.folding import POSITIVE, layers, operations
from measures.passes.weights.layer_replacement import Layer
from measures.per_layer import Layered

BARRED: Final = frozenset({"add", "cat", "chunk", "split", "unbind", "getitem", "permute", "transpose"})


@measure(source="Ji & Telgarsky 2018, arXiv:1810.02032; Radhakrishnan et al. 2020, arXiv:2003.06340", family="norm",
         expected_sign=-1, cost="1 decomposition a layer", weights_only=True)  # fmt: skip
def layer_alignment(subject: Subject) -> float:
    r"""Mean alignment of each layer's leading output direction with the next layer's leading input direction.

    .. math:: \frac{1}{d - 1} \sum_{j=1}^{d-1} |\langle v_{j+1}, u_j \rangle|

    u_j is the left singular vector of the largest singular value of W_j [out, in * kernel], and v_{j+1} the right one
    of W_{j+1} as a matrix [out * positions, in], with the positions of a kernel, or of the map that is flattened before
    a linear layer, beside the outputs. Batch norm is folded. In deep linear networks gradient descent on separable data
    drives it to one, where the network is the classifier of the largest margin: hence the sign. Departs from the
    papers, whose networks are linear and whose layers are fully connected. Defined for chains of layers without skips.
    No unit, between 0 and 1. Invariant when ReLU layers are rescaled and units are renamed.
    """
    if barred := operations(subject) - (POSITIVE - BARRED):
        raise UnsupportedModelError(f"Neighbouring layers do not meet through {', '.join(sorted(barred))}.")
    pairs = list(pairwise(layers(subject)))
    if not pairs:
        raise UnsupportedModelError("It needs two layers; it has one.")
    terms = {after.name: alignment(before, after) / len(pairs) for before, after in pairs}
    return Layered(sum(terms.values()), terms)


def alignment(before: Layer, after: Layer) -> float:
    """The absolute cosine of two neighbours' leading directions.

    Raises:
        UnsupportedModelError: their shapes do not fit together, or a weight is zero.
    """
    channels = len(before.weight)
    if after.groups > 1 or after.weight.shape[1] % channels:
        raise UnsupportedModelError(f"The inputs of {after.name!r} are not the outputs of {before.name!r}.")
    for layer in (before, after):
        if not layer.weight.any():
            raise UnsupportedModelError(f"Every layer must have a weight that is not zero; {layer.name!r} is zero.")
    inputs = after.weight.double().reshape(len(after.weight), channels, -1).transpose(0, 1).flatten(1)
    return float((leading_direction(before.matrix.double()) @ leading_direction(inputs)).abs())


def leading_direction(matrix: Tensor) -> Tensor:
    """The left singular vector [rows] of the largest singular value."""
    vector: Tensor = torch.linalg.eigh(matrix @ matrix.T).eigenvectors[:, -1]
    return vector
