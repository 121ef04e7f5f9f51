"""Blurring and resizing against scipy."""

from itertools import product
from typing import Literal, get_args

import numpy as np
import pytest
import torch
from scipy import ndimage

from zoo.corruptions.resampling import Border, bilinear, blurred, reflected, shifted, zoomed
from zoo.seeds import generator

IMAGES = torch.rand(2, 3, 9, 14, generator=generator("images"), dtype=torch.float64)


@pytest.mark.parametrize("sigma", [0.0, 0.25, 0.4, 1.0, 6.4])
@pytest.mark.parametrize("border", get_args(Border))
@pytest.mark.parametrize("truncate", [3.0, 4.0])
def test_blurred_is_scipys_gaussian_filter(sigma: float, border: Border, truncate: float) -> None:
    """Also where the kernel is longer than the image."""
    expected = (
        ndimage.gaussian_filter(IMAGES.numpy(), sigma, axes=(2, 3), mode=border, truncate=truncate)
        if sigma
        else IMAGES.numpy()
    )
    np.testing.assert_allclose(blurred(IMAGES, sigma, truncate, border).numpy(), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("factor", [1.0, 1.01, 1.06, 1.25, 1.75, 2.25])
@pytest.mark.parametrize("side", [8, 9, 32])
def test_zoomed_is_a_middle_through_scipys_zoom(factor: float, side: int) -> None:
    """The crop, the zoom and the trim that the source makes of a square image."""
    image = torch.rand(side, side, generator=generator("zoom"), dtype=torch.float64)
    cut = int(np.ceil(side / factor))
    top = (side - cut) // 2
    grown = ndimage.zoom(image.numpy()[top : top + cut, top : top + cut], factor, order=1)
    trim = (len(grown) - side) // 2
    expected = grown[trim : trim + side, trim : trim + side]
    np.testing.assert_allclose(zoomed(image, factor).numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("border", get_args(Border))
def test_bilinear_is_scipys_map_coordinates(border: Border) -> None:
    """Places within the image and up to twice its size beyond."""
    rows = 40 * torch.rand(2, 9, 14, generator=generator("rows"), dtype=torch.float64) - 15
    columns = 60 * torch.rand(2, 9, 14, generator=generator("columns"), dtype=torch.float64) - 20
    read = bilinear(IMAGES, rows, columns, border)
    modes: dict[Border, Literal["edge", "reflect", "symmetric"]]
    modes = {"nearest": "edge", "mirror": "reflect", "reflect": "symmetric"}  # numpy's words for scipy's
    padded = np.pad(IMAGES.numpy(), ((0, 0), (0, 0), (60, 60), (60, 60)), mode=modes[border])
    for i, channel in product(range(2), range(3)):
        places = [rows[i].numpy() + 60, columns[i].numpy() + 60]
        expected = ndimage.map_coordinates(padded[i, channel], places, order=1)
        np.testing.assert_allclose(read[i, channel].numpy(), expected, rtol=0, atol=1e-12)


def test_reflected_at_both_ends() -> None:
    """On a side of three pixels, from four below to three beyond."""
    index = torch.arange(-4, 6)
    assert reflected(index, 3, "nearest").tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 2, 2]
    assert reflected(index, 3, "mirror").tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1]
    assert reflected(index, 3, "reflect").tolist() == [2, 2, 1, 0, 0, 1, 2, 2, 1, 0]


def test_shifted_reads_at_an_offset() -> None:
    """Pixel by pixel, each image by its own offset, the border repeated."""
    down, right = torch.tensor([2, -11]), torch.tensor([-3, 1])
    read = shifted(IMAGES, down, right)
    for n in range(2):
        for i in range(9):
            for j in range(14):
                row, column = min(max(i + int(down[n]), 0), 8), min(max(j + int(right[n]), 0), 13)
                assert torch.equal(read[n, :, i, j], IMAGES[n, :, row, column])
