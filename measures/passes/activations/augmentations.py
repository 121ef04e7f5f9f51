"""What is done to normalised images [n, c, h, w] so that a person would still give them the same label."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, pad


def mirror(images: Tensor) -> Tensor:
    """Left and right exchanged."""
    return images.flip(3)


def brighten(images: Tensor, by: Tensor | float) -> Tensor:
    """A constant added to every pixel, in standard deviations of the data."""
    return images + by


def scale_contrast(images: Tensor, factor: Tensor | float) -> Tensor:
    """Deviations from the mean of the image times a factor."""
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + factor * (images - mean)


def blur(images: Tensor) -> Tensor:
    """The mean of each pixel and its eight neighbours, the border repeated outwards."""
    return avg_pool2d(pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def zoom_in(images: Tensor, factor: Tensor | float) -> Tensor:
    """The middle of the image, enlarged by a factor [n, 1, 1, 1] or one for all, interpolated linearly."""
    scale = (1 / torch.as_tensor(factor, dtype=images.dtype, device=images.device)).reshape(-1).expand(len(images))
    return _warp(images, torch.eye(2, dtype=images.dtype, device=images.device) * scale[:, None, None])


def rotate(images: Tensor, degrees: float) -> Tensor:
    """The image turned about its middle, in pixels, the border repeated outwards, interpolated linearly."""
    angle = math.radians(degrees)
    h, w = images.shape[2:]
    matrix = [
        [math.cos(angle), -math.sin(angle) * h / w],
        [math.sin(angle) * w / h, math.cos(angle)],
    ]
    turn = torch.tensor(matrix, dtype=images.dtype, device=images.device)
    return _warp(images, turn.expand(len(images), 2, 2))


def shift(images: Tensor, down: float, right: float) -> Tensor:
    """Move the image by shares of its sides, rounded up to whole pixels; the border is repeated."""
    h, w = images.shape[2:]
    rows, columns = (math.copysign(math.ceil(abs(share) * side), share) for share, side in ((down, h), (right, w)))
    y = (torch.arange(h, device=images.device) - int(rows)).clamp(0, h - 1)
    x = (torch.arange(w, device=images.device) - int(columns)).clamp(0, w - 1)
    return images[:, :, y][:, :, :, x]


def _warp(images: Tensor, linear: Tensor) -> Tensor:
    """Pixels fetched from where linear maps [n, 2, 2] of coordinates (x, y) in [-1, 1] send them."""
    theta = torch.cat([linear, linear.new_zeros(len(linear), 2, 1)], 2)
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
