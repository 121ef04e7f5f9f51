"""Sums, elementary functions and random draws that have the same bits on every processor.

The order in which a library sums, and the last bits of its exp, log, sin and cos, depend on the processor, on the
number of threads and on the version of the C library. Everything here is made of single IEEE 754 operations on float64,
whose results the standard fixes, in an order that the code fixes.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import torch
from torch import Tensor

OFF_TIE: Final = 2.0**-32  # moves a threshold off exact ties: far above rounding errors, far below what matters
LN_2: Final = 0.6931471805599453
BLOCK: Final = 16  # numbers that torch transforms at once in `randn`
CACHED: Final = 1 << 15  # numbers transformed in one go: a multiple of 16 that stays in a processor's cache
LOG_TERMS: Final = 11  # of atanh up to s^2 = 0.03: the next term is below 1e-18
SINE_TERMS: Final = 9  # up to an eighth of a turn: the next term is below 1e-18


def total(x: Tensor) -> Tensor:
    """Sum over the last dimension, halves added to each other elementwise until one number is left.

    Also more exact than a running sum: the error grows with the logarithm of the length.
    """
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        rest = x[..., 2 * half :]
        x = torch.cat([x[..., :half] + x[..., half : 2 * half], rest], dim=-1)
    return x.squeeze(-1)


def mean_of_pixels(x: Tensor) -> Tensor:
    """Mean of each channel [n, c, 1, 1] of images [n, c, h, w]."""
    return (total(x.flatten(2)) / (x.shape[2] * x.shape[3]))[:, :, None, None]


def grey_levels(x: Tensor) -> Tensor:
    """Round values of 0 to 1 to the nearest of the grey levels 0 to 255, halves up.

    A half counts as up if it is missed by a rounding error, so that no last bit decides a level.
    """
    return (255 * x.clamp(0, 1) + (0.5 + OFF_TIE)).floor()


def exp(x: float) -> float:
    """Exponential by the decimal module, whose digits are the same everywhere; for a few numbers."""
    return float(Decimal(x).exp())


def gaussian(distances: Sequence[float], sigma: float) -> list[float]:
    r"""Gaussian weights :math:`k_d \propto \exp(-d^2 / 2 \sigma^2)` at some distances, with sum 1."""
    ratios = [distance / sigma for distance in distances]
    heights = [exp(-0.5 * ratio * ratio) for ratio in ratios]
    whole = math.fsum(heights)
    return [height / whole for height in heights]


def sine_cosine(turns: Tensor) -> tuple[Tensor, Tensor]:
    """Sine and cosine of angles in turns of 360 degrees, by their Taylor series within an eighth of a turn."""
    quarter = (4 * turns).round()
    angle = (turns - quarter / 4) * (2 * math.pi)
    square = angle * angle
    sine, cosine = torch.zeros_like(angle), torch.zeros_like(angle)
    for k in reversed(range(SINE_TERMS)):
        sine.mul_(square).add_((-1) ** k / math.factorial(2 * k + 1))
        cosine.mul_(square).add_((-1) ** k / math.factorial(2 * k))
    sine.mul_(angle)
    quadrant = quarter.remainder(4)
    swapped = quadrant.remainder(2) == 1
    return (
        torch.where(swapped, cosine, sine) * torch.where(quadrant >= 2, -1.0, 1.0),  # noqa: PLR2004  half a turn
        torch.where(swapped, sine, cosine) * torch.where((quadrant == 1) | (quadrant == 2), -1.0, 1.0),  # noqa: PLR2004
    )


def log(x: Tensor) -> Tensor:
    r"""Natural logarithm of positive numbers x = m 2^e.

    .. math:: \log x = e \ln 2 + 2\, \mathrm{artanh} \frac{m - 1}{m + 1}, \qquad \sqrt{1 / 2} \le m < \sqrt 2
    """
    mantissa, exponent = torch.frexp(x)
    low = mantissa < math.sqrt(0.5)
    mantissa = torch.where(low, 2 * mantissa, mantissa)
    ratio = (mantissa - 1) / (mantissa + 1)
    square, series = ratio * ratio, torch.zeros_like(ratio)
    for k in reversed(range(LOG_TERMS)):
        series.mul_(square).add_(2 / (2 * k + 1))
    return (exponent - low.int()).double() * LN_2 + series * ratio


def normal(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Standard normal draws, float64: those of `torch.randn` for 16 numbers or more, up to its last bits.

    Box and Muller's transform of uniform draws, 16 at a time: the first eight give lengths and the others angles.
    """
    count = math.prod(shape)
    uniform = torch.rand(max(count, BLOCK), generator=generator, dtype=torch.float64)
    whole = len(uniform) // BLOCK * BLOCK
    drawn = torch.empty_like(uniform)
    for source, target in zip(uniform[:whole].split(CACHED), drawn[:whole].split(CACHED), strict=True):
        target.copy_(_box_muller(source))
    if whole < len(uniform):  # the last 16 are drawn again, as torch does
        drawn[-BLOCK:] = _box_muller(torch.rand(BLOCK, generator=generator, dtype=torch.float64))
    return drawn[:count].view(*shape)


def _box_muller(uniform: Tensor) -> Tensor:
    """Blocks of 16 uniform numbers to 16 normal ones."""
    lengths, turns = uniform.view(-1, 2, BLOCK // 2).unbind(1)
    radius = (-2 * log(1 - lengths)).sqrt()
    sine, cosine = sine_cosine(turns)
    return torch.stack([radius * cosine, radius * sine], dim=1).flatten()
