"""Gaussian, shot and impulse noise (Hendrycks & Dietterich 2019, arXiv:1903.12261, sec. 3; constants of CIFAR-10-C).

Images are float64 [n, c, h, w] in [0, 1]; results may leave the range, and are clipped by whoever called. Every
pixel of every channel has a draw of its own. Constants stand by severity, 1 to 5.
"""

from typing import Final

import torch
from torch import Tensor

GAUSSIAN_STD: Final = (0.04, 0.06, 0.08, 0.09, 0.10)
PHOTONS: Final = (500, 250, 100, 75, 50)  # at white
IMPULSES: Final = (0.01, 0.02, 0.03, 0.05, 0.07)  # fraction of the values


def gaussian_noise(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    r""":math:`x + \sigma z`, z standard normal."""
    normal = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    return x + GAUSSIAN_STD[severity - 1] * normal


def shot_noise(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    r""":math:`\mathrm{Poisson}(\lambda x) / \lambda`: the counting of photons, of variance x / lambda."""
    photons = PHOTONS[severity - 1]
    return torch.poisson(x * photons, generator=generator) / photons


def impulse_noise(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """A value in so many is replaced, by 1 or by 0 with even chances: salt and pepper.

    With the same generator state those replaced at one severity are among those replaced at any higher one, alike.
    """
    chance = torch.rand(x.shape, generator=generator, dtype=torch.float64)
    salt = torch.rand(x.shape, generator=generator, dtype=torch.float64) < 0.5  # noqa: PLR2004  even chances
    return torch.where(chance < IMPULSES[severity - 1], salt.double(), x)
