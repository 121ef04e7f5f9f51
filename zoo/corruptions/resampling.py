"""Blurring and resizing along one side of an image as a matrix, and reading an image between its pixels.

A separable operation is R_h x R_w^T, one matrix for each side: the border is folded into the matrix.
"""

import math
from typing import Literal

import torch
from torch import Tensor

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


def separable(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Images [..., h, w] through rows [h', h] and columns [w', w]: [..., h', w']."""
    return rows @ x @ columns.T


def gaussian_matrix(length: int, sigma: float, truncate: float, border: Border) -> Tensor:
    r"""Gaussian smoothing of one side, float64 [length, length].

    .. math:: k_d \propto \exp(-d^2 / 2 \sigma^2), \qquad \lvert d \rvert \le \lfloor t \sigma + 1/2 \rfloor, \sum k = 1

    Args:
        length: pixels of the side.
        sigma: standard deviation in pixels; 0 is the identity.
        truncate: t, where the kernel ends, in standard deviations.
        border: what lies beyond.
    """
    radius = math.floor(truncate * sigma + 0.5)
    taps = torch.arange(-radius, radius + 1)
    kernel = (-0.5 * (taps.double() / sigma).square()).exp() if radius else torch.ones(1, dtype=torch.float64)
    sources = reflected(torch.arange(length)[:, None] + taps, length, border)  # [length, taps]
    matrix = torch.zeros(length, length, dtype=torch.float64)
    return matrix.scatter_add_(1, sources, (kernel / kernel.sum()).expand(length, -1).contiguous())


def blurred(x: Tensor, sigma: float, truncate: float = 4.0, border: Border = "nearest") -> Tensor:
    """Images [..., h, w] under a Gaussian of sigma pixels; by default as scikit-image's `gaussian`, which was used."""
    height, width = x.shape[-2:]
    rows, columns = (gaussian_matrix(length, sigma, truncate, border) for length in (height, width))
    return separable(x, rows, columns)


def zoom_matrix(length: int, factor: float) -> Tensor:
    """Linear enlargement of the middle of one side by a factor of at least 1, float64 [length, length].

    The middle ceil(length / factor) pixels become round(factor ceil(length / factor)), the end pixels kept in
    place, and the middle of those is kept. The cut begins at the rounded-down half in both.
    """
    cut = math.ceil(length / factor)
    grown = round(cut * factor)
    places = torch.arange(length, dtype=torch.float64) + (grown - length) // 2
    source = (length - cut) // 2 + places * ((cut - 1) / (grown - 1))
    left = source.floor().clamp(max=length - 2)
    share = source - left
    matrix = torch.zeros(length, length, dtype=torch.float64)
    matrix.scatter_(1, left.long()[:, None], (1 - share)[:, None])
    return matrix.scatter_(1, left.long()[:, None] + 1, share[:, None])


def zoomed(x: Tensor, factor: float) -> Tensor:
    """Images [..., h, w] enlarged about their middle, cut to their size."""
    height, width = x.shape[-2:]
    return separable(x, zoom_matrix(height, factor), zoom_matrix(width, factor))


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
    """Images [n, c, h, w] read at whole offsets [n] of their own: pixel (i, j) is (i + down, j + right), clamped."""
    height, width = x.shape[-2:]
    rows = reflected(torch.arange(height) + down[:, None], height, "nearest")  # [n, h]
    columns = reflected(torch.arange(width) + right[:, None], width, "nearest")
    index = (rows[:, :, None] * width + columns[:, None, :]).flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, index).view_as(x)
