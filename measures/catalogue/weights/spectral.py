"""Products and ratios of the layers' spectral norms, of the reshaped kernels or of the maps between images.

Measures that end in `_fft` take the norm of a convolution as a map between images, exactly, with the edges wrapped
around (`measures.passes.weights.convolution_spectra`); the others that of the kernel reshaped into a matrix [out, in *
kernel], as Jiang et al. do. Both are of weights with batch norm folded in, and leave out the normalisation by the
number of examples. Through skip connections products run over all layers, as in the published code, and bound no
Lipschitz constant there.
"""

import math
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.weights.norms import log_product, refuse_unbounded, scaled_geometric_mean, sum_by_layer
from measures.passes.weights.convolution_spectra import circular_norm, convolution_norms
from measures.passes.weights.folding import Layer, layers
from measures.passes.weights.spectra import frobenius_norms, require_positive, singular_values, spectral_norms
from measures.per_layer import Layered

MOST_NUMBERS: Final = 2**24  # 128 channels of 32 x 32 pixels take seconds; time grows with the cube of channels


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 32",
    family="norm",
    cost="1 decomposition a layer",
    weights_only=True,
    version=2,
)
def prod_of_spec(subject: Subject) -> float:
    r"""Logarithm of the product of squared spectral norms.

    .. math:: \log \prod_j \lVert W_j \rVert_2^2 = 2 \sum_j \log \lVert W_j \rVert_2

    Departs from the paper, which reports the product: the natural logarithm orders the same and cannot overflow. The
    norm of a convolution is that of its reshaped kernel. Unit: nats. Invariant when ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    return log_product(subject, spectral_norms(subject))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, appendix (LOG_PROD_OF_SPEC_FFT)", family="norm",
         cost="frequencies of each convolution", weights_only=True, version=2)  # fmt: skip
def prod_of_spec_fft(subject: Subject) -> float:
    r"""Logarithm of the product of squared spectral norms of the maps between images.

    .. math:: 2 \sum_j \log \max_\omega \lVert \hat{W}_j(\omega) \rVert_2

    Departs from the published code, which takes every layer at the size of the network's input and without its stride:
    that is `prod_of_spec_fft_legacy`. Unit: nats. Invariant when ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    return log_product(subject, convolution_norms(subject))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code (LOG_PROD_OF_SPEC_FFT)", family="norm",
         cost="frequencies of each convolution", weights_only=True, version=2)  # fmt: skip
def prod_of_spec_fft_legacy(subject: Subject) -> float:
    r"""As `prod_of_spec_fft`, as published: all layers at the size of the network's input, strides ignored.

    .. math:: 2 \sum_j \log \max_\omega \lVert \hat{W}_j(\omega) \rVert_2

    On a larger grid there are more frequencies, so that the norm is nearer to that of an endless image; that of a layer
    of stride s is up to s times too large. Refused where the matrices of a layer's frequencies hold more than 2^24
    numbers, as for wide layers on large inputs. Unit: nats. Invariant when ReLU
    layers are rescaled.
    """
    refuse_unbounded(subject)
    size = subject.inputs.shape[2:]
    for layer in layers(subject):
        numbers = math.prod(size) // 2 * math.prod(layer.weight.shape[:2])
        if layer.input_size and numbers > MOST_NUMBERS:
            raise UnsupportedModelError(
                f"Too large: the frequencies of {layer.name!r} at the size of the input hold {numbers:,} numbers; the "
                f"limit is {MOST_NUMBERS:,}. Use prod_of_spec_fft."
            )
    norms = [
        circular_norm(place_as_published(layer, size), layer.weight) if layer.input_size else norm
        for layer, norm in zip(layers(subject), spectral_norms(subject).tolist(), strict=True)
    ]
    return log_product(
        subject, require_positive(subject, torch.tensor(norms, dtype=torch.float64, device=subject.device))
    )


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 35",
    family="norm",
    cost="1 decomposition a layer",
    weights_only=True,
    version=2,
)
def sum_of_spec(subject: Subject) -> float:
    r"""Geometric mean of the squared spectral norms, times the number of layers.

    .. math:: d \left( \prod_j \lVert W_j \rVert_2^2 \right)^{1/d}

    As in the paper a function of the product, in spite of its name. Unit: weight squared. Invariant when ReLU layers
    are rescaled.
    """
    refuse_unbounded(subject)
    return scaled_geometric_mean(subject, spectral_norms(subject))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, appendix (LOG_SUM_OF_SPEC_FFT)", family="norm",
         cost="frequencies of each convolution", weights_only=True, version=2)  # fmt: skip
def sum_of_spec_fft(subject: Subject) -> float:
    r"""Geometric mean of the squared spectral norms of the maps between images, times the number of layers.

    .. math:: d \left( \prod_j \max_\omega \lVert \hat{W}_j(\omega) \rVert_2^2 \right)^{1/d}

    Departs from the published code, which reports the logarithm and takes every layer at the size of the network's
    input. Unit: weight squared. Invariant when ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    return scaled_geometric_mean(subject, convolution_norms(subject))


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 33",
    family="norm",
    cost="1 decomposition a layer",
    weights_only=True,
    version=2,
)
def fro_over_spec(subject: Subject) -> float:
    r"""Sum of the stable ranks of the layers.

    .. math:: \sum_j \lVert W_j \rVert_F^2 / \lVert W_j \rVert_2^2

    Of each layer's matrix [out, in * kernel]. No unit: between the number of layers and the sum of their ranks.
    Invariant when any layer is rescaled, whatever the operations between layers.
    """
    norms = spectral_norms(subject)
    ranks = [(values / norm).square().sum() for values, norm in zip(singular_values(subject), norms, strict=True)]
    return sum_by_layer(subject, torch.stack(ranks))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code (FRO_OVER_SPEC_FFT)", family="norm",
         cost="frequencies of each convolution", weights_only=True, version=2)  # fmt: skip
def fro_over_spec_fft(subject: Subject) -> float:
    r"""Squared Frobenius norms of the kernels over squared spectral norms of the maps between images, summed.

    .. math:: \sum_j \lVert W_j \rVert_F^2 / \max_\omega \lVert \hat{W}_j(\omega) \rVert_2^2

    As published it is no sum of ranks: the map's Frobenius norm would be larger by the number of pixels. Departs from
    the published code, which takes every layer at the size of the network's input and without its stride; see
    `prod_of_spec_fft_legacy`. No unit. Invariant when any layer is rescaled, whatever the operations between layers.
    """
    return sum_by_layer(subject, (frobenius_norms(subject) / convolution_norms(subject)).square())


def log_weighted_product(subject: Subject, spectral: Tensor, weights: Tensor) -> Layered:
    r"""log(prod_j s_j^2 sum_j b_j^2 / s_j^2) of spectral norms s [d] and norms b [d], with b_j^2 / s_j^2 of each layer.

    Raises:
        UnsupportedModelError: all b are zero.
    """
    ratios = sum_by_layer(subject, (weights / spectral).square())
    if float(ratios) == 0:
        raise UnsupportedModelError("All weights are equal to those at initialization, so that the term is log 0.")
    return Layered(2 * float(spectral.log().sum()) + math.log(ratios), ratios.layers)


def place_as_published(layer: Layer, size: torch.Size) -> Layer:
    """Move a layer where published code takes it: to the network's input of this size, without stride or dilation."""
    ones = (1,) * len(layer.input_size)
    return Layer(layer.name, layer.weight, None, tuple(size[-len(ones) :]), ones, ones, layer.groups)
