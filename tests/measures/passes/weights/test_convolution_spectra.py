"""Spectral norms of convolutions against the matrix of the map between images."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from measures.api import Need, Subject
from measures.passes.weights import convolution_spectra
from measures.passes.weights.convolution_spectra import (
    circular_norm,
    convolution_norms,
    displacement_convolution_norms,
    largest_singular_value,
)
from measures.passes.weights.folding import Layer, initial_layers, layers

INIT: frozenset[Need] = frozenset({"init"})


def norm_of_the_map(layer: Layer, kernel: Tensor) -> float:
    """Largest singular value of the matrix that takes every image of one pixel to its convolution with wrap-around."""
    sides = [math.ceil(size / step) * step for size, step in zip(layer.input_size, layer.stride, strict=True)]
    pixels = math.prod(sides) * kernel.shape[1] * layer.groups
    images = torch.eye(pixels, dtype=torch.float64).reshape(pixels, -1, *sides)
    for axis, (taps, dilation) in enumerate(zip(kernel.shape[2:], layer.dilation, strict=True), start=2):
        needed = images.shape[axis] + (taps - 1) * dilation
        wrapped = torch.arange(needed) % images.shape[axis]
        images = images.index_select(axis, wrapped)
    outputs = functional.conv2d(images, kernel, stride=layer.stride, dilation=layer.dilation, groups=layer.groups)
    return float(torch.linalg.svdvals(outputs.flatten(1))[0])


@pytest.mark.parametrize(
    ("shape", "size", "stride", "dilation", "groups"),
    [
        ((4, 3, 3, 3), (5, 6), (1, 1), (1, 1), 1),
        ((4, 2, 3, 3), (6, 6), (2, 2), (1, 1), 2),
        ((3, 2, 3, 3), (4, 6), (2, 3), (2, 1), 1),
        ((2, 3, 5, 5), (3, 4), (1, 2), (1, 1), 1),  # the kernel is larger than the image
        ((4, 2, 4, 4), (8, 8), (4, 4), (1, 1), 1),  # patches
        ((4, 2, 3, 3), (5, 5), (2, 2), (1, 1), 1),  # a side that the stride does not divide
        ((4, 2, 1, 1), (6, 6), (2, 2), (1, 1), 2),  # all frequencies are the same
        ((4, 2, 1, 3), (6, 6), (2, 1), (1, 1), 1),
        ((1, 1, 3, 3), (4, 4), (1, 1), (1, 1), 1),
    ],
)
def test_any_convolution(
    shape: tuple[int, ...], size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], groups: int
) -> None:
    """The dense matrix has the same norm, with stride, dilation, groups and odd sizes."""
    kernel = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layer = Layer("layer", kernel, None, size, stride, dilation, groups)

    assert circular_norm(layer, kernel) == pytest.approx(norm_of_the_map(layer, kernel), rel=1e-10)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One frequency at a time gives the same."""
    kernel = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layer = Layer("layer", kernel, None, (6, 6), (2, 1), (1, 1), 1)
    whole = circular_norm(layer, kernel)
    monkeypatch.setattr(convolution_spectra, "CHUNK", 1)

    assert circular_norm(layer, kernel) == pytest.approx(whole, rel=1e-12)


def test_the_sum_of_a_positive_kernel() -> None:
    """Of one channel and positive taps, a constant image is stretched most: by their sum."""
    kernel = torch.rand(1, 1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layer = Layer("layer", kernel, None, (8, 8), (1, 1), (1, 1), 1)

    assert circular_norm(layer, kernel) == pytest.approx(float(kernel.sum()), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_largest_of_many_matrices(scale: float) -> None:
    """Nearly equal ones are told apart in double precision; the size of numbers does not matter."""
    found = torch.randn(40, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.complex128) * scale
    found[:20] = found[0] * torch.linspace(1, 1 + 1e-7, 20, dtype=torch.float64)[:, None, None]
    expected = float(torch.linalg.svdvals(found).amax())

    assert largest_singular_value(lambda chosen, dtype: found[chosen].to(dtype)) == pytest.approx(expected, rel=1e-12)
    largest_first = found[:20].flip(0)
    assert largest_singular_value(lambda chosen, dtype: largest_first[chosen].to(dtype)) == pytest.approx(
        float(torch.linalg.svdvals(found[19])[0]), rel=1e-12
    )


def test_what_is_known_already_is_not_undercut() -> None:
    """A value reached elsewhere stands unless one of the matrices exceeds it, by however little."""
    found = torch.randn(4, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.complex128)
    norm = float(torch.linalg.svdvals(found).amax())

    def largest(least: float) -> float:
        return largest_singular_value(lambda chosen, dtype: found[chosen].to(dtype), least)

    assert largest(2 * norm) == 2 * norm
    assert largest(norm * (1 + 1e-9)) == norm * (1 + 1e-9)
    assert largest(norm * (1 - 1e-9)) == pytest.approx(norm, rel=1e-12)
    assert largest(norm / 2) == pytest.approx(norm, rel=1e-12)


def test_no_matrix_but_zeros() -> None:
    """The norm of nothing is zero."""
    zeros = torch.zeros(3, 2, 2, dtype=torch.complex128)

    assert largest_singular_value(lambda chosen, dtype: zeros[chosen].to(dtype)) == 0


def test_every_layer_where_it_stands(residual: Subject) -> None:
    """Convolutions at the size of their own input, the last layer as a matrix, and what they have moved."""
    granted = residual._with_needs(INIT)
    pairs = list(zip(layers(granted), initial_layers(granted), strict=True))

    def expected(layer: Layer, weight: Tensor) -> float:
        return norm_of_the_map(layer, weight) if layer.input_size else float(torch.linalg.matrix_norm(weight, 2))

    # The published way would take all of them at 8 x 8.
    assert {layer.input_size for layer, _ in pairs} >= {(8, 8), (1, 1), ()}
    assert convolution_norms(granted).tolist() == pytest.approx([expected(end, end.weight) for end, _ in pairs])
    assert displacement_convolution_norms(granted).tolist() == pytest.approx(
        [expected(end, end.weight - start.weight) for end, start in pairs]
    )
