"""Convolutional features that no label decides: random ones of whitened patches, and Gabor wavelets.

Both map images [m, c, h, w] to features [m, p] in blocks of images and of filters, so that memory stays within
`BLOCK_BYTES` whatever their number.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.errors import RecipeError

BLOCK_BYTES: Final = 128 * 2**20  # of the responses of one block
PATCH: Final = 6  # pixels a side, as Coates & Ng have them
PATCH_POOLED: Final = 2  # quadrants of the map of responses
PATCH_IMAGES: Final = (
    500  # give some hundred thousand patches of 32 x 32 images, for a covariance of 108 entries a side
)
DAMPING: Final = 0.1  # is added to the eigenvalues of the covariance, times their mean
WAVELENGTHS: Final = (3.0, 6.0)  # pixels
ORIENTATIONS: Final = 8
OCTAVE: Final = 0.56  # standard deviation over wavelength of a Gabor filter whose band is one octave wide
GABOR_POOLED: Final = 4


class PatchFeatures(nn.Module):
    r"""Rectified random filters of whitened patches, averaged over quadrants: [m, c, h, w] to [m, 4 f].

    .. math:: \max(0, \langle g, (\Sigma + \delta I)^{-1/2} (x - \mu) \rangle), \qquad g \sim N(0, I / d)

    for each of f filters g and each patch x of 6 x 6 pixels and c channels, d entries in all, whose mean and covariance
    are those of the patches of at most `PATCH_IMAGES` training images, evenly spaced. Coates & Ng 2012, "Learning
    feature representations with k-means", without their contrast normalisation and with random filters.

    Args:
        normal: standard normal draws [f, d].
        inputs: training images [n, c, h, w].

    Raises:
        RecipeError: images smaller than a patch.
    """

    filters: Tensor
    bias: Tensor

    def __init__(self, normal: Tensor, inputs: Tensor) -> None:
        super().__init__()
        if min(inputs.shape[2:]) < PATCH:
            height, width = inputs.shape[2:]
            raise RecipeError(
                f"Images for 'kernel_patches' must have sides of {PATCH} or more; got {height} x {width}."
            )
        mean, whitening = _whitening(inputs)
        filters = normal @ whitening / math.sqrt(len(mean))
        self.register_buffer("filters", filters.view(len(normal), inputs.shape[1], PATCH, PATCH))
        self.register_buffer("bias", -filters @ mean)

    def forward(self, inputs: Tensor) -> Tensor:
        """Features [m, 4 f] of images [m, c, h, w]."""
        pixels = inputs.shape[2] * inputs.shape[3]
        per_block = max(1, BLOCK_BYTES // (pixels * inputs.element_size()))  # images times filters
        filters = min(len(self.filters), per_block)
        blocks = list(zip(self.filters.split(filters), self.bias.split(filters), strict=True))
        rows = [
            torch.cat([_pooled(functional.conv2d(x, f, b).relu(), PATCH_POOLED) for f, b in blocks], 1)
            for x in inputs.split(max(1, per_block // filters))
        ]
        return torch.cat(rows)


class GaborFeatures(nn.Module):
    r"""Moduli of complex Gabor filters, averaged over a 4 x 4 grid: [m, c, h, w] to [m, 256 c].

    .. math:: g(u) = \exp(-\lVert u \rVert^2 / 2 \sigma^2) (\exp(2 \pi i \langle u, e_\theta \rangle / \lambda) - \beta)

    for two wavelengths lambda and eight orientations theta, sigma = 0.56 lambda, and beta such that a constant image
    has no response; on each channel by itself, with zeros around the image. Daugman 1985, J. Opt. Soc. Am. A 2:1160.

    Args:
        like: gives dtype and device.
    """

    def __init__(self, like: Tensor) -> None:
        super().__init__()
        for index, wavelength in enumerate(WAVELENGTHS):
            self.register_buffer(f"filters{index}", _gabor(wavelength).to(like))

    def forward(self, inputs: Tensor) -> Tensor:
        """Features [m, 256 c] of images [m, c, h, w]."""
        count, channels, height, width = inputs.shape
        size = max(1, BLOCK_BYTES // (4 * ORIENTATIONS * channels * height * width * inputs.element_size()))
        return torch.cat([self._moduli(x) for x in inputs.split(size)]) if count else inputs.new_empty(0, 0)

    def _moduli(self, inputs: Tensor) -> Tensor:
        count, channels, height, width = inputs.shape
        single = inputs.reshape(count * channels, 1, height, width)
        found = []
        for index in range(len(WAVELENGTHS)):
            filters = self.get_buffer(f"filters{index}")
            waves = functional.conv2d(single, filters, padding=filters.shape[-1] // 2)
            even, odd = waves.chunk(2, 1)
            found.append(_pooled((even.square() + odd.square() + torch.finfo(waves.dtype).tiny).sqrt(), GABOR_POOLED))
        return torch.cat(found, 1).reshape(count, -1)


def _pooled(maps: Tensor, side: int) -> Tensor:
    """Means of maps [m, f, h, w] over a grid of cells: [m, f side side]."""
    return functional.adaptive_avg_pool2d(maps, side).flatten(1)


def _whitening(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [d] of the patches of training images [n, c, h, w] and the matrix [d, d] that whitens them."""
    step = -(-len(inputs) // PATCH_IMAGES)
    size = inputs.shape[1] * PATCH**2
    total, products, count = inputs.new_zeros(size), inputs.new_zeros(size, size), 0
    for image in inputs[::step].split(16):
        patches = functional.unfold(image, PATCH).transpose(1, 2).reshape(-1, size)
        total += patches.sum(0)
        products += patches.T @ patches
        count += len(patches)
    mean = total / count
    values, vectors = torch.linalg.eigh(products / count - mean.outer(mean))
    values = values.clamp(min=0)
    scale = (values + DAMPING * values.mean()).rsqrt()
    return mean, (vectors * scale) @ vectors.T


def _gabor(wavelength: float) -> Tensor:
    """Even and then odd filters [2 t, 1, s, s] of t orientations, each half of unit length."""
    sigma = OCTAVE * wavelength
    reach = math.ceil(2 * sigma)
    grid = torch.arange(-reach, reach + 1, dtype=torch.float64)
    rows, columns = torch.meshgrid(grid, grid, indexing="ij")
    envelope = torch.exp(-(rows.square() + columns.square()) / (2 * sigma**2))
    even, odd = [], []
    for index in range(ORIENTATIONS):
        theta = math.pi * index / ORIENTATIONS
        phase = 2 * math.pi * (math.cos(theta) * columns + math.sin(theta) * rows) / wavelength
        cosine = envelope * phase.cos()
        even.append(cosine - envelope * (cosine.sum() / envelope.sum()))
        odd.append(envelope * phase.sin())
    return torch.stack([wave / wave.norm() for wave in (*even, *odd)]).unsqueeze(1)
