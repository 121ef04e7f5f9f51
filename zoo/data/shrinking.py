"""Shrink the images of a data set by averaging blocks of pixels."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from zoo.data.image_set import ImageSet
from zoo.errors import RecipeError

CHUNK = 4096  # images at a time: bounds memory


def shrink(images: ImageSet, side: int | None) -> ImageSet:
    """The same set with images [n, c, side, side]: each pixel the mean of a square block, rounded to a byte.

    Raises:
        RecipeError: images that are not square, or whose side is no multiple of `side`.
    """
    height, width = images.train_images.shape[2:]
    if side is None or side == height == width:
        return images
    if height != width or height % side:
        raise RecipeError(
            f"image_side must divide the side of square images; got {side} for {images.name!r}, which is {height} x "
            f"{width}."
        )
    factor = height // side
    return replace(
        images,
        train_images=_averaged(images.train_images, factor),
        test_images=_averaged(images.test_images, factor),
    )


def _averaged(images: Tensor, factor: int) -> Tensor:
    """Means of factor x factor blocks of bytes [n, c, h, w]; exact in float32, halves rounded to even."""
    chunks = images.split(CHUNK)
    return torch.cat([functional.avg_pool2d(chunk.float(), factor).round().to(images.dtype) for chunk in chunks])
