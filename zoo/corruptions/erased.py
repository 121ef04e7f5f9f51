"""Copies of images with random values erased, to pretrain on (Liu, Papailiopoulos & Achlioptas 2020, arXiv:1906.02613).

A network that has fitted R such copies of each image, each under a random label, is the source's bad start for training
on the true labels. Constants and procedure are facts of the released code, github.com/chao1224/BadGlobalMinima.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Self

import torch
from torch import Tensor

from zoo.corruptions.pixels import CHUNK
from zoo.errors import RecipeError

# The generator of Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", SplitMix64: the number at
# any place is computed from the place alone, so that no copy need be kept. As signed numbers, for torch has no others.
STEP: Final = 0x9E3779B97F4A7C15 - 2**64
MIX: Final = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64))
LAST: Final = 31

ROUNDING: Final = 1e-9  # 0.29 x 100 is 28.999...


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedCopies:
    """R copies of each image, computed on access: only the images and a key are kept.

    Copy r of image i has the index r n + i, so that fewer copies are the first of more. The same index gives the same
    bits, in any batch and on any device.

    Attributes:
        images: [n, c, h, w].
        copies: R.
        num_erased: how many of the c h w values of each copy are zero.
        key: 63 bits, decides which.
    """

    images: Tensor
    copies: int
    num_erased: int
    key: int

    def __len__(self) -> int:
        """R n."""
        return self.copies * len(self.images)

    def __getitem__(self, index: Tensor) -> Tensor:
        """The copies at some indices, int64 [...]: [..., c, h, w]; making one of 3 x 32 x 32 takes about 100 KB."""
        flat = index.flatten().to(self.images.device)
        copied = self.images[flat % len(self.images)]
        return copied.masked_fill(self._erased(flat).view_as(copied), 0).view(*index.shape, *copied.shape[1:])

    def _erased(self, index: Tensor) -> Tensor:
        """Which values are erased, bool [b, c h w]: those with the smallest numbers, no two of which are equal."""
        size = self.images[0].numel()
        places = index[:, None] * size + torch.arange(size, device=index.device)
        numbers = splitmix64(places, self.key)
        return numbers <= numbers.kthvalue(self.num_erased, dim=1, keepdim=True).values

    def labels(self, num_classes: int, generator: torch.Generator) -> Tensor:
        """A uniformly random class for each copy, int64 [R n], drawn copy by copy."""
        shape = (len(self.images),)
        return torch.cat([torch.randint(num_classes, shape, generator=generator) for _ in range(self.copies)])

    def tensor(self) -> Tensor:
        """All copies at once, [R n, c, h, w]: R times the bytes of the images, 1.5 GB for ten copies of CIFAR-10."""
        every = torch.empty(len(self), *self.images.shape[1:], dtype=self.images.dtype, device=self.images.device)
        for index, target in zip(torch.arange(len(self)).split(CHUNK), every.split(CHUNK), strict=True):
            target.copy_(self[index])
        return every

    def to(self, device: torch.device | str) -> Self:
        """The same copies, made on another device."""
        return replace(self, images=self.images.to(device))


def erased_copies(images: Tensor, copies: int, fraction: float, generator: torch.Generator) -> ErasedCopies:
    r"""R copies of each image [n, c, h, w], in each of which :math:`\lfloor f c h w \rfloor` values are set to 0.

    Values, not pixels: each channel of a pixel by itself, uniformly without replacement, and 0 in grey levels, before
    the images are normalised, as in the source, which has R = 10 and f = 0.1 by default.

    Raises:
        RecipeError: fewer than one copy, or a fraction that erases nothing or everything.
    """
    if copies < 1:
        raise RecipeError(f"The number of copies must be at least 1; got {copies}.")
    size = images[0].numel()
    num_erased = math.floor(fraction * size + ROUNDING) if 0 <= fraction <= 1 else 0
    if not 0 < num_erased < size:
        raise RecipeError(
            f"The fraction to erase must leave and take at least one of the {size} values of an image; got {fraction}."
        )
    key = int(torch.randint(2**63 - 1, (), generator=generator))
    return ErasedCopies(images=images, copies=copies, num_erased=num_erased, key=key)


def splitmix64(places: Tensor, key: int) -> Tensor:
    """The numbers of SplitMix64 seeded by `key` at places from 0, int64 [...]; no two places have the same."""
    mixed: Tensor = key + (places + 1) * STEP  # wraps around, as it should
    for shift, factor in MIX:
        mixed = (mixed ^ _shifted(mixed, shift)) * factor
    return mixed ^ _shifted(mixed, LAST)


def _shifted(numbers: Tensor, by: int) -> Tensor:
    """Bits moved right with zeros coming in; torch's own shift brings in the sign."""
    kept: int = 2 ** (64 - by) - 1
    return (numbers >> by) & kept
