"""Augmentations of normalised images [n, c, h, w] that keep their labels."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, pad


def mirror(images: Tensor) -> Tensor:
    """Flip left and right."""
    return images.flip(3)


def brighten(images: Tensor, by: Tensor | float) -> Tensor:
    """Add a constant to every pixel, in standard deviations of the data."""
    return images + by


def scale_contrast(images: Tensor, factor: Tensor | float) -> Tensor:
    """Multiply deviations from the mean of the image by a factor."""
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + factor * (images - mean)


def blur(images: Tensor) -> Tensor:
    """Average each pixel with its eight neighbours; the border is replicated."""
    return avg_pool2d(pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)


def zoom_in(images: Tensor, factor: Tensor | float) -> Tensor:
    """Enlarge the middle of the image by a factor [n, 1, 1, 1] or one for all, with bilinear interpolation."""
    scale = (1 / torch.as_tensor(factor, dtype=images.dtype, device=images.device)).reshape(-1).expand(len(images))
    return _warp(images, torch.eye(2, dtype=images.dtype, device=images.device) * scale[:, None, None])


def rotate(images: Tensor, degrees: float) -> Tensor:
    """Rotate the image about its middle, with bilinear interpolation; the border is replicated."""
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
    """Sample pixels at coordinates (x, y) in [-1, 1] that are transformed by linear maps [n, 2, 2]."""
    theta = torch.cat([linear, linear.new_zeros(len(linear), 2, 1)], 2)
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
