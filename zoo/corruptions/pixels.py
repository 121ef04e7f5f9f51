"""Permute and draw pixels (Zhang et al. 2017, arXiv:1611.03530, sec. 2.1).

A pixel is a position together with its channels: permutations move colours and do not mix channels, so that each
channel keeps its mean and variance. The paper does not say which it means.
"""

from typing import Final

import torch
from torch import Tensor

from zoo.ieee import normal

CHUNK: Final = (
    1024  # images at a time: bounds memory; part of the definition, for the draws of a chunk are made at once
)


def pixel_permutation(images: Tensor, generator: torch.Generator) -> Tensor:
    """A uniformly random order of the h w positions of images [n, c, h, w], int64 [h w]."""
    return torch.randperm(images.shape[2] * images.shape[3], generator=generator)


def shuffled_pixels(images: Tensor, permutation: Tensor) -> Tensor:
    """Images [n, c, h, w] with their positions, row by row, in the order of one permutation [h w]."""
    return images.flatten(2)[:, :, permutation].view_as(images)


def random_pixels(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images [n, c, h, w], the positions of each in a separate random order, drawn image by image."""
    permuted = torch.empty_like(images)
    for source, target in zip(images.split(CHUNK), permuted.split(CHUNK), strict=True):
        orders = torch.stack([pixel_permutation(images, generator) for _ in source])  # [b, h w]
        pixels = source.flatten(2)  # [b, c, h w]
        target.copy_(pixels.gather(2, orders.unsqueeze(1).expand_as(pixels)).view_as(source))
    return permuted


def gaussian_pixels(images: Tensor, mean: Tensor, std: Tensor, generator: torch.Generator) -> Tensor:
    """Independent Gaussian pixels in the shape of images [n, c, h, w]: float32, grey levels, not rounded, not clipped.

    Args:
        images: give the shape.
        mean: [c], the mean of each channel of the original training images. The paper matches mean and variance of "the
            original image dataset" and does not say whether channel by channel.
        std: [c], the standard deviation of each channel.
        generator: draws are made in float64, see `zoo.ieee.normal`, and rounded to float32.
    """
    drawn = torch.empty(images.shape, dtype=torch.float32)
    for target in drawn.split(CHUNK):
        standard = normal(target.shape, generator)
        target.copy_(standard.mul_(std.double().view(-1, 1, 1)).add_(mean.double().view(-1, 1, 1)))
    return drawn
