"""Defocus, glass, motion and zoom blur (Hendrycks & Dietterich 2019, arXiv:1903.12261, sec. 3; CIFAR-10-C constants).

Images are float64 [n, c, h, w] in [0, 1]. Lengths are in pixels whatever the size of the image. Constants stand by
severity, 1 to 5.
"""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from zoo.corruptions.resampling import blurred, shifted, zoomed
from zoo.ieee import OFF_TIE, gaussian, grey_levels, sine_cosine

DEFOCUS: Final = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))  # radius, sigma of the disk's edge
GLASS: Final = ((0.05, 1), (0.25, 1), (0.4, 1), (0.25, 2), (0.4, 2))  # sigma, rounds of displacement
MOTION: Final = ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5))  # radius, sigma
ZOOM_STOP: Final = (1.06, 1.11, 1.16, 1.21, 1.26)  # factors 1, 1.01, 1.02, ...; the stop itself is one by rounding
ZOOM_STEP: Final = 0.01
CACHED: Final = 32  # images enlarged in one go: they stay in a processor's cache
MOTION_ANGLE: Final = 45.0  # degrees either way

HALF: Final = 2  # the widest disk and its edge reach two pixels


def disk(radius: float, edge: float) -> Tensor:
    """A disk, averaged to a sum of 1 and then smoothed by the 3 x 3 Gaussian of sigma `edge`: float64 [5, 5]."""
    axis = torch.arange(-HALF, HALF + 1, dtype=torch.float64)
    inside = ((axis * axis)[:, None] + axis * axis <= radius * radius).double()
    averaged = functional.pad(inside / inside.sum(), (1,) * 4)
    taps, smooth = gaussian((-1, 0, 1), edge), torch.zeros_like(inside)
    for i, down in enumerate(taps):
        for j, right in enumerate(taps):
            smooth += down * right * averaged[i : i + len(axis), j : j + len(axis)]
    return smooth


def defocus_blur(x: Tensor, severity: int) -> Tensor:
    """Images under a disk, with mirrored borders."""
    kernel = disk(*DEFOCUS[severity - 1])
    height, width = x.shape[2:]
    padded = functional.pad(x, (HALF,) * 4, mode="reflect")
    total = torch.zeros_like(x)
    for i, j in kernel.nonzero().tolist():
        total += kernel[i, j] * padded[:, :, i : i + height, j : j + width]
    return total


def glass_blur(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """A Gaussian blur, pixels displaced by at most one, and the blur again.

    A displaced pixel is that at an offset of 0 or -1 in each direction, even chances: the released code means to swap
    pixels one after another, in falling order, and draws from -1 to 0; its in-place assignment of numpy views copies
    instead, and CIFAR-10-C was made so. First and last rows and columns as there: 2 to h - 1 move.
    """
    sigma, rounds = GLASS[severity - 1]
    x = grey_levels(blurred(x, sigma)) / 255
    for _ in range(rounds):
        offsets = -torch.randint(2, (2, len(x), *x.shape[2:]), generator=generator)
        x = displaced(x, offsets[0], offsets[1])
    return blurred(x, sigma)


def displaced(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Pixel (i, j), i and j at least 2, becomes pixel (i + down, j + right); offsets [n, h, w] are 0 or -1."""
    height, width = x.shape[2:]
    inner = torch.zeros(height, width, dtype=torch.bool)
    inner[2:, 2:] = True
    rows = torch.arange(height)[:, None] + down * inner
    columns = torch.arange(width) + right * inner
    index = (rows * width + columns).flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, index).view_as(x)


def motion_blur(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """Smear each image along a random direction, uniform within 45 degrees of the horizontal; see `smeared`."""
    degrees = MOTION_ANGLE * (2 * torch.rand(len(x), generator=generator, dtype=torch.float64) - 1)
    return smeared(x, *MOTION[severity - 1], degrees)


def smeared(x: Tensor, radius: int, sigma: float, degrees: Tensor) -> Tensor:
    r"""Images as a weighted mean of themselves along a line of 2 r + 1 pixels that begins at the pixel.

    .. math:: \sum_{i=0}^{2r} k_i\, x(p + \lceil i u - 1/2 \rceil), \qquad k_i \propto \exp(-i^2 / 2 \sigma^2)

    with u = (sin, cos) of the angle [n] down and right, and the border repeated: the algorithm of ImageMagick's
    MotionBlurImage, which the source calls. Reimplemented for tensors, without its rounding to 8 or 16 bits, and not
    held to its output.
    """
    steps = range(2 * radius + 1)
    direction = sine_cosine(degrees / 360)
    total = torch.zeros_like(x)
    for step, weight in zip(steps, gaussian(steps, sigma), strict=True):
        down, right = ((step * part - (0.5 + OFF_TIE)).ceil().long() for part in direction)
        total += weight * shifted(x, down, right)
    return total


def zoom_blur(x: Tensor, severity: int) -> Tensor:
    """The mean of the image and of its enlargements by 1, 1.01, 1.02, ... about the middle.

    The factors are those of `numpy.arange`, as in the source: their last bits decide whether an enlargement has a pixel
    more.
    """
    count, step = math.ceil((ZOOM_STOP[severity - 1] - 1) / ZOOM_STEP), (1 + ZOOM_STEP) - 1
    total = x.clone()
    for part, summed in zip(x.split(CACHED), total.split(CACHED), strict=True):
        for i in range(count):
            summed.add_(zoomed(part, 1 + i * step))
    return total / (count + 1)
