"""Digital corruptions against Pillow, scipy and closed forms."""

import io
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from zoo.corruptions import digital
from zoo.seeds import generator

LEVELS = torch.randint(256, (4, 3, 32, 20), generator=generator("levels"), dtype=torch.uint8)
IMAGES = LEVELS.double() / 255


def array(levels: Tensor) -> np.ndarray:
    """An image [c, h, w] as Pillow takes it."""
    return levels.permute(1, 2, 0).numpy()


@pytest.mark.parametrize(("severity", "c"), tuple(enumerate([0.75, 0.5, 0.4, 0.3, 0.15], start=1)))
def test_contrast_keeps_the_mean_and_scales_the_deviation(severity: int, c: float) -> None:
    """Of each channel of each image, by numpy."""
    faint = digital.contrast(IMAGES, severity).numpy()
    np.testing.assert_allclose(faint.mean((2, 3)), IMAGES.numpy().mean((2, 3)), rtol=1e-12)
    np.testing.assert_allclose(faint.std((2, 3)), c * IMAGES.numpy().std((2, 3)), rtol=1e-12)
    np.testing.assert_allclose(np.diff(faint), c * np.diff(IMAGES.numpy()), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("severity", "c"), tuple(enumerate([0.95, 0.9, 0.85, 0.75, 0.65], start=1)))
@pytest.mark.parametrize("size", [(8, 8), (9, 14), (10, 12), (32, 20), (32, 32)])
def test_pixelate_is_pillows_box(severity: int, c: float, size: tuple[int, int]) -> None:
    """Down and up, to the bit."""
    height, width = size
    levels = torch.randint(256, (4, 3, *size), generator=generator("box"), dtype=torch.uint8)
    coarse = (255 * digital.pixelate(levels.double() / 255, severity)).round().to(torch.uint8)
    for before, after in zip(levels, coarse, strict=True):
        small = Image.fromarray(array(before)).resize((int(width * c), int(height * c)), Image.Resampling.BOX)
        np.testing.assert_array_equal(array(after), np.array(small.resize((width, height), Image.Resampling.BOX)))


@pytest.mark.parametrize(("severity", "quality"), tuple(enumerate([80, 65, 58, 50, 40], start=1)))
def test_jpeg_compression_is_pillows(severity: int, quality: int) -> None:
    """Image by image, colour and grey."""
    for levels in (LEVELS, LEVELS[:, :1]):
        decoded = (255 * digital.jpeg_compression(levels.double() / 255, severity)).round().to(torch.uint8)
        for before, after in zip(levels, decoded, strict=True):
            file = io.BytesIO()
            Image.fromarray(array(before).squeeze()).save(file, "JPEG", quality=quality)
            np.testing.assert_array_equal(array(after).squeeze(), np.array(Image.open(file)))


def test_affine_sources_bring_the_moved_points_home() -> None:
    """The pixel at each moved point is read where the point was; whole-pixel moves shift the image."""
    moves = torch.tensor([[3.0, -2.0], [1.0, 2.0], [-1.0, 2.0]], dtype=torch.float64)
    rows, columns = digital.affine_sources(IMAGES[:1, :, :20], moves[None])
    points = [(10 + 6, 10 + 6), (10 + 6, 10 - 6), (10 - 6, 10 - 6)]  # column, row; of 20 x 20
    for (column, row), (right, down) in zip(points, moves.int().tolist(), strict=True):
        assert float(rows[0, row + down, column + right]) == pytest.approx(row)
        assert float(columns[0, row + down, column + right]) == pytest.approx(column)


@pytest.mark.parametrize(("severity", "jitter"), tuple(enumerate([0.08, 0.07, 0.06, 0.05, 0.03], start=1)))
def test_the_affine_part_moves_by_its_fraction_of_a_side(severity: int, jitter: float) -> None:
    """Of an image that is its own column number, at the first point: the variance of the jitter and of the field."""
    ramp = torch.arange(32, dtype=torch.float64).expand(1000, 1, 32, 32)
    moved = digital.elastic_transform(ramp, severity, generator("elastic"))[:, 0, 26, 26] - 26  # the point (26, 26)
    field = digital.displacements(ramp, severity, generator("field"))
    expected = (32 * jitter) ** 2 / 3 + float(field.square().mean())
    assert float(moved.square().mean()) == pytest.approx(expected, rel=0.15)


def test_the_field_of_displacements_grows_with_severity() -> None:
    """None at severity 1, and otherwise near L / (2 sqrt(3 pi) sigma) pixels: uniform noise under a Gaussian."""
    field = [digital.displacements(torch.zeros(400, 1, 32, 32), s, generator("field")).std() for s in range(1, 6)]
    assert float(field[0]) == 0
    assert [float(a) < float(b) for a, b in pairwise(field)] == [True] * 4
    for std, length, sigma in ((field[3], 3.2, 1.28), (field[4], 3.2, 0.96)):
        assert float(std) == pytest.approx(length / (2 * (3 * torch.pi) ** 0.5 * sigma), rel=0.1)
