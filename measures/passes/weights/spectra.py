"""Singular values of the layers: one dense decomposition each serves every spectral measure."""

from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.weights.folding import initial_layers, layers

MAX_SHUFFLES: Final = 16
ENTRIES_SHUFFLED: Final = 2**20  # of all draws of a layer: the spectra of large matrices differ little between draws


@shared
def singular_values(subject: Subject) -> list[Tensor]:
    """Singular values of each layer's matrix [out, in * kernel], largest first, in the order of `layers`, in float64.

    Of a convolution this is the reshaped kernel of Jiang et al. 2020, and not the map between images, whose norm may be
    smaller or up to the square root of the number of kernel positions larger: each pixel takes part in as many patches.
    Grouped convolutions have their groups stacked into one matrix, as they are stored.
    """
    return [torch.linalg.svdvals(layer.matrix.double()) for layer in layers(subject)]


@shared
def randomized_singular_values(subject: Subject) -> list[Tensor]:
    """As `singular_values`, of matrices whose entries have been put in a random order [draws, r].

    The entries are sorted before they are shuffled, so that the draws do not depend on the order of hidden units.
    """
    found = []
    for index, layer in enumerate(layers(subject)):
        entries = layer.weight.flatten().sort().values
        generator = subject.generator("randomized", index)
        count = max(1, min(MAX_SHUFFLES, ENTRIES_SHUFFLED // len(entries)))
        orders = [torch.randperm(len(entries), generator=generator, device=entries.device) for _ in range(count)]
        shuffled = entries[torch.stack(orders)].view(count, *layer.matrix.shape)
        found.append(torch.linalg.svdvals(shuffled.double()))
    return found


def spectral_norms(subject: Subject) -> Tensor:
    """Largest singular value of each layer's matrix [d], all of them positive.

    Raises:
        UnsupportedModelError: a layer is zero, so that there is neither a logarithm nor a ratio to take.
    """
    return require_positive(subject, torch.stack([values[0] for values in singular_values(subject)]))


def frobenius_norms(subject: Subject) -> Tensor:
    """Frobenius norm of each layer's matrix [d], all of them positive; raises as `spectral_norms`."""
    return require_positive(subject, torch.stack([layer.weight.double().norm() for layer in layers(subject)]))


def displacements(subject: Subject) -> list[Tensor]:
    """Trained minus initial weight of each layer, in float64 and in the order of `layers`; needs "init"."""
    pairs = zip(layers(subject), initial_layers(subject), strict=True)
    return [trained.weight.double() - initial.weight.double() for trained, initial in pairs]


@shared
def displacement_spectral_norms(subject: Subject) -> Tensor:
    """Largest singular value of what each layer's matrix has moved by [d]; needs "init"."""
    return torch.stack([torch.linalg.matrix_norm(moved.flatten(1), 2) for moved in displacements(subject)])


def displacement_frobenius_norms(subject: Subject) -> Tensor:
    """Frobenius norm of what each layer's matrix has moved by [d]; needs "init"."""
    return torch.stack([moved.norm() for moved in displacements(subject)])


def require_positive(subject: Subject, norms: Tensor) -> Tensor:
    """The norms [d], one a layer.

    Raises:
        UnsupportedModelError: one of them is zero; the reason names the layer.
    """
    for layer, norm in zip(layers(subject), norms.tolist(), strict=True):
        if norm == 0:
            raise UnsupportedModelError(f"Every layer must have a weight that is not zero; {layer.name!r} is zero.")
    return norms
