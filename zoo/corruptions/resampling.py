"""Blur and resize images one side at a time, and read images between their pixels.

Every sum is made elementwise and in a fixed order, see `zoo.ieee`.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from zoo.ieee import gaussian

Border = Literal["nearest", "mirror", "reflect"]


def reflected(index: Tensor, length: int, border: Border) -> Tensor:
    """Indices [...] brought into 0 to length - 1: "nearest" aaa|abc, "mirror" cb|abc, "reflect" ba|abc, as in scipy."""
    if border == "nearest":
        return index.clamp(0, length - 1)
    if border == "mirror":
        folded = index.remainder(2 * length - 2)
        return torch.where(folded < length, folded, 2 * length - 2 - folded)
    folded = index.remainder(2 * length)
    return torch.where(folded < length, folded, 2 * length - 1 - folded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taps:
    """One side of an image as weighted sums of pixels of that side.

    Attributes:
        source: int64 [new, t], the pixels that each new pixel is a sum of.
        weight: float64 [new, t].
    """

    source: Tensor
    weight: Tensor


def along(x: Tensor, dim: int, taps: Taps) -> Tensor:
    """Sum pixels of images along one dimension, tap after tap in their order; that dimension gets the new length."""
    shape = [len(taps.weight) if d == dim % x.ndim else 1 for d in range(x.ndim)]
    terms = (
        x.index_select(dim, source).mul_(weight.reshape(shape))
        for source, weight in zip(taps.source.unbind(1), taps.weight.unbind(1), strict=True)
    )
    summed = next(terms)
    for term in terms:
        summed.add_(term)
    return summed


def separable(x: Tensor, rows: Taps, columns: Taps) -> Tensor:
    """Images [..., h, w] through one side and then the other: [..., h', w']."""
    return along(along(x, -2, rows), -1, columns)


def gaussian_taps(length: int, sigma: float, truncate: float, border: Border) -> Taps:
    r"""Gaussian smoothing of one side.

    .. math:: k_d \propto \exp(-d^2 / 2 \sigma^2), \qquad \lvert d \rvert \le \lfloor t \sigma + 1/2 \rfloor, \sum k = 1

    Args:
        length: pixels of the side.
        sigma: standard deviation in pixels; 0 is the identity.
        truncate: t, where the kernel ends, in standard deviations.
        border: what lies beyond.
    """
    radius = math.floor(truncate * sigma + 0.5)
    distances = range(-radius, radius + 1)
    kernel = torch.tensor(gaussian(distances, sigma) if radius else [1.0], dtype=torch.float64)
    source = reflected(torch.arange(length)[:, None] + torch.tensor(distances), length, border)
    return Taps(source=source, weight=kernel.expand(length, -1))


def blurred(x: Tensor, sigma: float, truncate: float = 4.0, border: Border = "nearest") -> Tensor:
    """Images [..., h, w] under a Gaussian of sigma pixels; by default as scikit-image's `gaussian`, which was used."""
    height, width = x.shape[-2:]
    rows, columns = (gaussian_taps(length, sigma, truncate, border) for length in (height, width))
    return separable(x, rows, columns)


def zoom_taps(length: int, factor: float) -> Taps:
    """Linear enlargement of the middle of one side by a factor of at least 1.

    The middle ceil(length / factor) pixels become round(factor ceil(length / factor)), the end pixels kept in
    place, and the middle of those is kept. The cut begins at the rounded-down half in both.
    """
    cut = math.ceil(length / factor)
    grown = round(cut * factor)
    places = torch.arange(length, dtype=torch.float64) + (grown - length) // 2
    source = (length - cut) // 2 + places * ((cut - 1) / (grown - 1))
    left = source.floor().clamp(max=length - 2)
    share = source - left
    pixels = torch.stack([left, left + 1], dim=1).long()
    return Taps(source=pixels, weight=torch.stack([1 - share, share], dim=1))


def zoomed(x: Tensor, factor: float) -> Tensor:
    """Images [..., h, w] enlarged about their middle, cut to their size."""
    height, width = x.shape[-2:]
    return separable(x, zoom_taps(height, factor), zoom_taps(width, factor))


def bilinear(x: Tensor, rows: Tensor, columns: Tensor, border: Border) -> Tensor:
    """Images [n, c, h, w] read at places [n, h, w] between pixels, in pixels from the first one, linearly."""
    height, width = x.shape[-2:]
    top, left = rows.floor(), columns.floor()
    down, right = rows - top, columns - left
    pixels, total = x.flatten(2), torch.zeros_like(x)
    for i, weight_i in ((0, 1 - down), (1, down)):
        for j, weight_j in ((0, 1 - right), (1, right)):
            row = reflected(top.long() + i, height, border)
            column = reflected(left.long() + j, width, border)
            index = (row * width + column).flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)  # [n, c, h w]
            total += pixels.gather(2, index).view_as(x) * (weight_i * weight_j).unsqueeze(1)
    return total


def shifted(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Shift images [n, c, h, w] by whole offsets [n]: pixel (i, j) is (i + down, j + right), clamped."""
    height, width = x.shape[-2:]
    rows = reflected(torch.arange(height) + down[:, None], height, "nearest")  # [n, h]
    columns = reflected(torch.arange(width) + right[:, None], width, "nearest")
    index = (rows[:, :, None] * width + columns[:, None, :]).flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, index).view_as(x)
