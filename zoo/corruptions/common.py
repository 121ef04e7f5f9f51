"""The fifteen common corruptions of Hendrycks & Dietterich (2019, arXiv:1903.12261) in their CIFAR-10-C constants.

Constants and procedures are facts of the released code, github.com/hendrycks/robustness, make_cifar_c.py; each function
says how it departs. All depart in two things: draws come from a generator, so that no pixel equals one of the published
files, and results are rounded to the nearest grey level, where the source drops the fraction, as then a last bit of
floating point would decide a level.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, get_args

import torch
from torch import Tensor

from zoo.corruptions.blur import defocus_blur, glass_blur, motion_blur, zoom_blur
from zoo.corruptions.digital import contrast, elastic_transform, jpeg_compression, pixelate
from zoo.corruptions.noise import gaussian_noise, impulse_noise, shot_noise
from zoo.corruptions.pixels import CHUNK
from zoo.corruptions.weather import brightness, fog, frost, snow
from zoo.errors import RecipeError, suggestion
from zoo.ieee import grey_levels

CommonCorruption = Literal[
    "gaussian_noise", "shot_noise", "impulse_noise",
    "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
    "snow", "frost", "fog", "brightness",
    "contrast", "elastic_transform", "pixelate", "jpeg_compression",
]  # fmt: skip

COMMON_CORRUPTIONS: Final[dict[CommonCorruption, str]] = {
    "gaussian_noise": "normal noise on each value",
    "shot_noise": "Poisson noise, of photons counted",
    "impulse_noise": "values replaced by black or white",
    "defocus_blur": "blur by a disk",
    "glass_blur": "blur, pixels displaced by one, blur",
    "motion_blur": "smear along a line within 45 degrees of the horizontal",
    "zoom_blur": "mean of enlargements",
    "snow": "whitened, with falling flakes",
    "frost": "mixed with drawn veins of ice, where the source has photographs",
    "fog": "mixed with clouds of diamond-square heights",
    "brightness": "the value of HSV raised",
    "contrast": "drawn towards the mean of each channel",
    "elastic_transform": "an affine map and a smooth field of displacements",
    "pixelate": "made smaller and as large again",
    "jpeg_compression": "through JPEG and back",
}

SEVERITIES: Final = (1, 2, 3, 4, 5)
SMALLEST: Final = 8  # pixels of a side: blocks of JPEG, and room for the borders
CHANNELS: Final = (1, 3)

_APPLY: Final[dict[CommonCorruption, Callable[[Tensor, int, torch.Generator], Tensor]]] = {
    "gaussian_noise": gaussian_noise,
    "shot_noise": shot_noise,
    "impulse_noise": impulse_noise,
    "defocus_blur": lambda x, severity, _: defocus_blur(x, severity),
    "glass_blur": glass_blur,
    "motion_blur": motion_blur,
    "zoom_blur": lambda x, severity, _: zoom_blur(x, severity),
    "snow": snow,
    "frost": frost,
    "fog": fog,
    "brightness": lambda x, severity, _: brightness(x, severity),
    "contrast": lambda x, severity, _: contrast(x, severity),
    "elastic_transform": elastic_transform,
    "pixelate": lambda x, severity, _: pixelate(x, severity),
    "jpeg_compression": lambda x, severity, _: jpeg_compression(x, severity),
}


def require_common_corruption(name: str, severity: int) -> None:
    """Refuse a common corruption that does not exist.

    Raises:
        RecipeError: an unknown name, or a severity that is not 1 to 5.
    """
    if name not in get_args(CommonCorruption):
        raise RecipeError(f"No common corruption is called {name!r}. {suggestion(name, COMMON_CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise RecipeError(f"severity must be 1, 2, 3, 4 or 5 with {name!r}; got {severity}.")


def require_corruptible(shape: Sequence[int], name: str) -> None:
    """Refuse images [c, h, w] that have neither one nor three channels, or are smaller than 8 x 8 pixels.

    Raises:
        RecipeError: see above.
    """
    channels, *sides = shape
    if channels not in CHANNELS or min(sides) < SMALLEST:
        raise RecipeError(
            f"The images must have 1 or 3 channels and sides of at least {SMALLEST} pixels for {name!r}; "
            f"got [c, h, w] = {list(shape)}."
        )


def apply_common_corruption(
    images: Tensor, name: CommonCorruption, severity: int, generator: torch.Generator
) -> Tensor:
    """Images, uint8 [n, c, h, w], after one corruption, of the same shape and type; the argument is left alone.

    Every image is drawn for separately, `CHUNK` images at a time. With the same generator state severities share
    their draws wherever they draw alike, so that what differs between two is the severity.

    Raises:
        RecipeError: see `require_common_corruption`; or the images are not uint8, have neither one nor three channels,
            or are smaller than 8 x 8 pixels.
    """
    require_common_corruption(name, severity)
    if images.dtype != torch.uint8:
        raise RecipeError(f"The images must be uint8 for {name!r}, which is of grey levels; got {images.dtype}.")
    require_corruptible(images.shape[1:], name)
    corrupted = torch.empty_like(images)
    for source, target in zip(images.split(CHUNK), corrupted.split(CHUNK), strict=True):
        x = _APPLY[name](source.double() / 255, severity, generator)
        target.copy_(grey_levels(x))
    return corrupted
