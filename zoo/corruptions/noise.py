"""Gaussian, shot and impulse noise (Hendrycks & Dietterich 2019, arXiv:1903.12261, sec. 3; constants of CIFAR-10-C).

Images are float64 [n, c, h, w] in [0, 1]; results may leave the range, and are clipped by the caller. Every
channel of every pixel is drawn separately. Constants stand by severity, 1 to 5.
"""

import functools
import math
from typing import Final

import torch
from torch import Tensor

from zoo.ieee import exp, normal

GAUSSIAN_STD: Final = (0.04, 0.06, 0.08, 0.09, 0.10)
PHOTONS: Final = (500, 250, 100, 75, 50)  # at white
TAIL: Final = 12  # standard deviations above the mean, beyond which no count lies in 2^53 draws
LEVELS: Final = 255
IMPULSES: Final = (0.01, 0.02, 0.03, 0.05, 0.07)  # fraction of the values


def gaussian_noise(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    r""":math:`x + \sigma z`, z standard normal."""
    return x + GAUSSIAN_STD[severity - 1] * normal(x.shape, generator)


def shot_noise(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    r""":math:`\mathrm{Poisson}(\lambda x) / \lambda`: the counting of photons, of variance x / lambda.

    A count is the number of steps of the distribution function that lie at or below a uniform draw. So with the same
    generator state more light gives no fewer photons.
    """
    photons = PHOTONS[severity - 1]
    steps = _distribution(photons)
    level = (LEVELS * x).round()
    uniform = torch.rand(x.shape, generator=generator, dtype=torch.float64)
    place = torch.searchsorted(steps.flatten(), level + uniform, right=True)  # row L of the table lies in [L, L + 1]
    return (place - level.long() * steps.shape[1]).clamp(0, steps.shape[1] - 1) / photons


@functools.cache
def _distribution(photons: int) -> Tensor:
    """P(count <= k) plus the grey level, [256, k], for means from 0 to `photons`; summed upwards, elementwise."""
    mean = torch.arange(LEVELS + 1, dtype=torch.float64) / LEVELS * photons
    term = torch.tensor([exp(-each) for each in mean.tolist()], dtype=torch.float64)
    steps, summed = [], torch.zeros_like(term)
    for count in range(1, photons + math.ceil(TAIL * photons**0.5)):
        summed = summed + term
        steps.append(summed)
        term = term * mean / count
    level = torch.arange(LEVELS + 1, dtype=torch.float64)[:, None]
    return torch.stack(steps, dim=1).clamp(max=1) + level


def impulse_noise(x: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """A value in so many is replaced, by 1 or by 0 with even chances: salt and pepper.

    With the same generator state those replaced at one severity are among those replaced at any higher one, alike.
    """
    chance = torch.rand(x.shape, generator=generator, dtype=torch.float64)
    salt = torch.rand(x.shape, generator=generator, dtype=torch.float64) < 0.5  # noqa: PLR2004  even chances
    return torch.where(chance < IMPULSES[severity - 1], salt.double(), x)
