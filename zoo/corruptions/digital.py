"""Contrast, elastic transform, pixelate and JPEG (Hendrycks & Dietterich 2019, arXiv:1903.12261, sec. 3; CIFAR-10-C).

Images are float64 [n, c, h, w] in [0, 1]. Constants stand by severity, 1 to 5.
"""

import io
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from zoo.corruptions.resampling import Taps, along, bilinear, blurred
from zoo.ieee import grey_levels, mean_of_pixels

CONTRAST: Final = (0.75, 0.5, 0.4, 0.3, 0.15)
ELASTIC: Final = (  # length of the field, its sigma, and how far three points move: fractions of the shorter side
    (0.0, 0.0, 0.08),
    (0.05, 0.2, 0.07),
    (0.08, 0.06, 0.06),
    (0.1, 0.04, 0.05),
    (0.1, 0.03, 0.03),
)
PIXELATE: Final = (0.95, 0.9, 0.85, 0.75, 0.65)  # of each side
JPEG_QUALITY: Final = (80, 65, 58, 50, 40)

FIXED_POINT: Final = 1 << 22  # in which Pillow keeps the weights of 8-bit images


def contrast(x: Tensor, severity: int) -> Tensor:
    """(x - m) c + m, with m the mean of each channel of each image."""
    mean = mean_of_pixels(x)
    return (x - mean) * CONTRAST[severity - 1] + mean


def elastic_transform(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """An affine map that moves three points at random, then a smooth random field of displacements.

    The constants trade the one for the other: at severity 1 there is no field, and from 1 to 5 the affine map calms
    down while the field grows. So the squared distance from the image does not grow with severity.
    Departs from the source in the affine map's interpolation, there in OpenCV's steps of 1/32 pixel.
    """
    side = min(x.shape[2:])
    moves = (
        side * ELASTIC[severity - 1][2] * (2 * torch.rand(len(x), 3, 2, generator=generator, dtype=torch.float64) - 1)
    )
    down, right = displacements(x, severity, generator)
    mapped = bilinear(x, *affine_sources(x, moves), "mirror")
    rows, columns = _grid(x)
    return bilinear(mapped, rows + down, columns + right, "reflect")


def displacements(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """The field, down and right: a length times uniform draws in [-1, 1] under a Gaussian, pixels [2, n, h, w]."""
    side = min(x.shape[2:])
    length, sigma = (side * fraction for fraction in ELASTIC[severity - 1][:2])
    draws = 2 * torch.rand(2, *x[:, 0].shape, generator=generator, dtype=torch.float64) - 1
    return length * blurred(draws, sigma, truncate=3.0, border="reflect")


def affine_sources(x: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns [n, h, w] that each pixel comes from, under the affine map that makes `moves` [n, 3, 2].

    The three points (column, row) are the middle (rounded down) plus a third of the shorter side (rounded down) times
    (1, 1), (1, -1) and (-1, -1); they move by `moves` pixels, and the image with them. As in the source, the middle is
    that of (h, w), taken as (column, row).
    """
    height, width = x.shape[2:]
    third = min(height, width) // 3
    middle = torch.tensor([height // 2, width // 2], dtype=torch.float64)
    points = middle + third * torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]], dtype=torch.float64)
    first, second, last = (points + moves)[:, :, :, None, None].unbind(1)  # each [n, 2, 1, 1]
    rows, columns = _grid(x)
    place = torch.stack([columns, rows]) - second  # [n, 2, h, w]
    area = _cross(first - second, second - last)
    down = _cross(place, second - last) / area  # the place is the second point + down (first - second) + across ...
    across = _cross(first - second, place) / area
    side = 2 * third  # before the map, first - second is (0, side), and second - last is (side, 0)
    return points[1, 1] + side * down, points[1, 0] + side * across


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """The area of the parallelogram of vectors [n, 2, h, w]: [n, h, w]."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _grid(x: Tensor) -> tuple[Tensor, Tensor]:
    height, width = (torch.arange(length, dtype=torch.float64) for length in x.shape[2:])
    rows, columns = torch.meshgrid(height, width, indexing="ij")
    return rows, columns


def pixelate(x: Tensor, severity: int) -> Tensor:
    """Images made smaller and as large again, by Pillow's box filter, to the bit: see `box_taps`.

    Sides are rounded down. So on a side of 8 pixels severities 1 and 2 are both 7, and 3 and 4 are both 6.
    """
    height, width = x.shape[2:]
    small_h, small_w = (int(length * PIXELATE[severity - 1]) for length in (height, width))
    levels = grey_levels(x)
    for rows, columns in ((small_h, small_w), (height, width)):
        levels = _rounded(along(levels, -1, box_taps(levels.shape[3], columns)))  # Pillow rounds after each side
        levels = _rounded(along(levels, -2, box_taps(levels.shape[2], rows)))
    return levels / 255


def _rounded(fixed: Tensor) -> Tensor:
    """Grey levels of sums in fixed point, halves up."""
    return (fixed / FIXED_POINT + 0.5).floor()


def box_taps(length: int, new: int) -> Taps:
    """Pillow's box filter from a side of `length` to one of `new` pixels, in fixed point.

    A new pixel is the plain mean of the pixels whose middles lie within its own extent, or within one pixel where it is
    the smaller; weights are rounded to multiples of 2^-22, and here are whole numbers of them.
    """
    scale = length / new
    extent = max(scale, 1.0)
    centres = (torch.arange(new, dtype=torch.float64) + 0.5) * scale
    away = (torch.arange(length, dtype=torch.float64) + 0.5 - centres[:, None]) / extent
    inside = (away > -0.5) & (away <= 0.5)  # noqa: PLR2004  half an extent to either side
    counts = inside.sum(dim=1, keepdim=True)
    first = inside.int().argmax(dim=1, keepdim=True)  # of neighbours
    steps = torch.arange(int(counts.max()))
    weight = (FIXED_POINT / counts.double() + 0.5).floor()
    return Taps(source=(first + steps).clamp(max=length - 1), weight=torch.where(steps < counts, weight, 0.0))


def jpeg_compression(x: Tensor, severity: int) -> Tensor:
    """Images after Pillow's JPEG at a quality, colours at half resolution: one by one, on the CPU.

    The bits are those of the libjpeg that Pillow was built with.
    """
    levels = grey_levels(x).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return torch.stack([_through_jpeg(image, JPEG_QUALITY[severity - 1]) for image in levels]).double() / 255


def _through_jpeg(image: npt.NDArray[np.uint8], quality: int) -> Tensor:
    """An image [h, w, c] as uint8 [c, h, w] after compression."""
    file = io.BytesIO()
    Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).save(file, "JPEG", quality=quality)
    decoded = torch.from_numpy(np.array(Image.open(file))).view(image.shape)
    return decoded.permute(2, 0, 1)
