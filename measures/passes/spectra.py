"""Singular values of the layers: one dense decomposition each serves every spectral measure."""

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModel, shared
from measures.passes.folding import layers


@shared
def singular_values(subject: Subject) -> list[Tensor]:
    """Singular values of each layer's matrix [out, in * kernel], largest first, in the order of `layers`.

    Of a convolution this is the reshaped kernel of Jiang et al. 2020, and not the map between images, whose norm may be
    smaller or up to the square root of the number of kernel positions larger: each pixel takes part in as many patches.
    Grouped convolutions have their groups stacked into one matrix, as they are stored.
    """
    return [torch.linalg.svdvals(layer.matrix) for layer in layers(subject)]


def spectral_norms(subject: Subject) -> Tensor:
    """Largest singular value of each layer's matrix [d], all of them positive.

    Raises:
        UnsupportedModel: a layer is zero, so that there is neither a logarithm nor a ratio to take.
    """
    norms = torch.stack([values[0] for values in singular_values(subject)])
    for layer, norm in zip(layers(subject), norms.tolist(), strict=True):
        if norm == 0:
            raise UnsupportedModel(f"Every layer must have a weight that is not zero; {layer.name!r} is zero.")
    return norms
