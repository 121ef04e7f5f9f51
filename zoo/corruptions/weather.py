"""Snow, frost, fog and brightness (Hendrycks & Dietterich 2019, arXiv:1903.12261, sec. 3; constants of CIFAR-10-C).

Images are float64 [n, c, h, w] in [0, 1]; results may leave the range, and are clipped by the caller. Constants
stand by severity, 1 to 5.
"""

from typing import Final

import torch
from torch import Tensor

from zoo.corruptions.blur import smeared
from zoo.corruptions.resampling import zoomed
from zoo.ieee import grey_levels, normal

SNOW: Final = (  # mean, standard deviation, zoom, threshold; radius and sigma of the fall; what is kept of the image
    (0.1, 0.2, 1.0, 0.6, 8, 3.0, 0.95),
    (0.1, 0.2, 1.0, 0.5, 10, 4.0, 0.9),
    (0.15, 0.3, 1.75, 0.55, 10, 4.0, 0.9),
    (0.25, 0.3, 2.25, 0.6, 12, 6.0, 0.85),
    (0.3, 0.3, 1.25, 0.65, 14, 12.0, 0.8),
)
FROST: Final = ((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))  # of the image, of the frost
FOG: Final = ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75))  # thickness, decay of the wibble
BRIGHTNESS: Final = (0.05, 0.1, 0.15, 0.2, 0.3)

LUMA: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601
FROST_DECAY: Final = 2.0  # rough enough for crystals to differ from pixel to pixel at 32 x 32
FROST_TINT: Final = (0.75, 0.9, 1.0)  # ice is blue; one channel has its luma


def luma(x: Tensor) -> Tensor:
    """The grey value [n, 1, h, w] of images of one or three channels."""
    if x.shape[1] == 1:
        return x
    red, green, blue = x.split(1, dim=1)
    grey: Tensor = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return grey


def snow(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """The image whitened, and flakes added that are smeared along their fall, once upright and once upside down.

    Flakes are normal pixels, enlarged, those under the threshold taken away. The smear is `smeared` where the source
    calls ImageMagick. The layer is rounded to grey levels before the smear and after it, as there.
    """
    mean, std, zoom, threshold, radius, sigma, keep = SNOW[severity - 1]
    shape = (len(x), 1, *x.shape[2:])
    layer = zoomed(mean + std * normal(shape, generator), zoom)
    layer = grey_levels(layer.where(layer >= threshold, 0.0)) / 255
    degrees = -135 + 90 * torch.rand(len(x), generator=generator, dtype=torch.float64)
    layer = grey_levels(smeared(layer, radius, sigma, degrees)) / 255
    whitened = keep * x + (1 - keep) * torch.maximum(x, 1.5 * luma(x) + 0.5)
    return whitened + layer + layer.flip((2, 3))


def frost(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """Image and frost added up, a x + b t, with a texture t of frost that is drawn, not photographed.

    Factors a and b are the source's. Departs from it in what t is: there a random crop of one of five photographs, none
    of which is shipped here. So results compare with CIFAR-10-C's frost in kind only. See `frost_texture`.
    """
    of_image, of_frost = FROST[severity - 1]
    return of_image * x + of_frost * frost_texture(x, generator)


def frost_texture(x: Tensor, generator: torch.Generator) -> Tensor:
    r"""Bluish ridges in the shape of images [n, c, h, w], in [0, 1], for one or three channels.

    .. math:: t = \tau_c \, (1 - \lvert 2 m - 1 \rvert)

    with m a `plasma` of decay 2, whose middle heights become bright veins, and tau the tint.
    """
    tint = torch.tensor(FROST_TINT, dtype=torch.float64).view(1, 3, 1, 1)
    ridges = 1 - (2 * plasma(x, FROST_DECAY, generator) - 1).abs()
    return ridges * (tint if x.shape[1] == len(FROST_TINT) else luma(tint))


def fog(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """(x + a m) M / (M + a) with m a `plasma` drawn for each image, and M the image's largest value."""
    thickness, decay = FOG[severity - 1]
    largest = x.amax(dim=(1, 2, 3), keepdim=True)
    return (x + thickness * plasma(x, decay, generator)) * largest / (largest + thickness)


def plasma(x: Tensor, decay: float, generator: torch.Generator) -> Tensor:
    """Cloudy heights [n, 1, h, w] from 0 to 1 for images [n, c, h, w], by diamond-square on a torus.

    The torus is the smallest power of two that holds the image (32 for CIFAR, as in the source); the height at a new
    point is the mean of its four neighbours plus a uniform draw of half-width wibble^2, and the wibble falls from 100
    by `decay` at each halving. Rescaled to 0 to 1 over the torus, then cut to the image.
    """
    n, _, height, width = x.shape
    size = 1 << (max(height, width) - 1).bit_length()
    heights = torch.zeros(n, size, size, dtype=torch.float64)
    step, wibble = size, 100.0
    while step > 1:
        half, spread = step // 2, wibble * wibble
        corners = heights[:, ::step, ::step]
        across = corners + corners.roll(-1, 1)
        middles = _near(across + across.roll(-1, 2), spread, generator)
        heights[:, half::step, half::step] = middles
        beside = corners + corners.roll(-1, 2) + middles + middles.roll(1, 1)
        below = corners + corners.roll(-1, 1) + middles + middles.roll(1, 2)
        heights[:, ::step, half::step] = _near(beside, spread, generator)
        heights[:, half::step, ::step] = _near(below, spread, generator)
        step, wibble = half, wibble / decay
    heights -= heights.amin(dim=(1, 2), keepdim=True)
    heights /= heights.amax(dim=(1, 2), keepdim=True)
    return heights[:, None, :height, :width]


def _near(total: Tensor, spread: float, generator: torch.Generator) -> Tensor:
    """The mean of four neighbours, given their sum, plus a uniform draw within `spread`."""
    return total / 4 + spread * (2 * torch.rand(total.shape, generator=generator, dtype=torch.float64) - 1)


def brightness(x: Tensor, severity: int) -> Tensor:
    """The value of HSV raised by a constant, hue and saturation kept: the colour times V' / V, V = max(R, G, B).

    V' is V + c, at most 1. Black has no hue and becomes grey.
    """
    value = x.amax(dim=1, keepdim=True)
    raised = (value + BRIGHTNESS[severity - 1]).clamp(max=1)
    return torch.where(value > 0, x * (raised / value.where(value > 0, 1.0)), raised)
