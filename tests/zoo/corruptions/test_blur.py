"""Blur against naive transcriptions."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from zoo.corruptions import blur
from zoo.seeds import generator

IMAGES = torch.rand(2, 3, 12, 12, generator=generator("images"), dtype=torch.float64)


@pytest.mark.parametrize("severity", range(1, 6))
def test_defocus_blur_is_the_disk_of_the_source(severity: int) -> None:
    """On the source's own grid of 17 x 17, smoothed by a 3 x 3 kernel, through scipy's correlation."""
    radius, edge = [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)][severity - 1]
    x, y = np.meshgrid(np.arange(-8, 9), np.arange(-8, 9))
    aliased = np.array(x**2 + y**2 <= radius**2, dtype=np.float64)
    taps = np.exp(-np.array([1, 0, 1]) / (2 * edge**2))
    kernel = ndimage.correlate(aliased / aliased.sum(), np.outer(taps, taps) / taps.sum() ** 2, mode="mirror")
    expected = [[ndimage.correlate(channel, kernel, mode="mirror") for channel in image] for image in IMAGES.numpy()]
    np.testing.assert_allclose(blur.defocus_blur(IMAGES, severity).numpy(), expected, rtol=0, atol=1e-14)


def test_displaced_is_what_the_sources_loop_does() -> None:
    """The loop of the released code on numpy arrays [h, w, 3], whose swap of views is a copy."""
    offsets = -torch.randint(2, (2, 2, 12, 12), generator=generator("offsets"))
    for n in range(2):
        x = IMAGES[n].permute(1, 2, 0).numpy().copy()
        for h in range(11, 1, -1):
            for w in range(11, 1, -1):
                other = h + int(offsets[0, n, h, w]), w + int(offsets[1, n, h, w])
                x[h, w], x[other] = x[other], x[h, w]
        np.testing.assert_array_equal(blur.displaced(IMAGES, offsets[0], offsets[1])[n].permute(1, 2, 0).numpy(), x)


def test_glass_blur_displaces_about_three_in_four_pixels() -> None:
    """At severity 1, without a blur to speak of; and two rounds are farther from the image than one."""
    levels = (torch.randperm(200, generator=generator("levels"))[:144].double() / 255).view(1, 1, 12, 12)
    many = levels.repeat(100, 1, 1, 1)
    moved = (blur.glass_blur(many, 1, generator(0)) * 255).round() != (many * 255).round()
    assert not bool(moved[:, :, :2].any())
    assert not bool(moved[:, :, :, :2].any())
    assert float(moved[:, :, 2:, 2:].double().mean()) == pytest.approx(0.75, abs=0.02)
    distance = [float((blur.glass_blur(many, s, generator(0)) - many).square().mean()) for s in range(1, 6)]
    assert distance[3] > distance[1]
    assert distance[4] > distance[2]


@pytest.mark.parametrize(
    ("radius", "sigma", "degrees"), [(6, 1.0, 0.0), (6, 2.0, 30.0), (9, 2.5, -45.0), (8, 6.0, -90.0)]
)
def test_smeared_is_a_sum_along_a_line(radius: int, sigma: float, degrees: float) -> None:
    """Pixel by pixel, tap by tap."""
    weights = [math.exp(-(i**2) / (2 * sigma**2)) for i in range(2 * radius + 1)]
    total = sum(weights)
    expected = torch.zeros_like(IMAGES)
    angle = math.radians(degrees)
    for h in range(12):
        for w in range(12):
            for i, weight in enumerate(weights):
                row = min(max(h + math.ceil(i * math.sin(angle) - 0.5), 0), 11)
                column = min(max(w + math.ceil(i * math.cos(angle) - 0.5), 0), 11)
                expected[:, :, h, w] += weight / total * IMAGES[:, :, row, column]
    smeared = blur.smeared(IMAGES, radius, sigma, torch.full((2,), degrees, dtype=torch.float64))
    np.testing.assert_allclose(smeared.numpy(), expected.numpy(), rtol=0, atol=1e-12)


def test_motion_blur_runs_within_45_degrees_of_the_horizontal() -> None:
    """Rows of one colour, turned on their side, are smeared; columns of one colour at 0 degrees are not."""
    edge = torch.zeros(300, 1, 32, 32, dtype=torch.float64)
    edge[:, :, :, 16:] = 1
    across = (blur.motion_blur(edge, 5, generator(0)) - edge).square().sum((1, 2, 3))
    along = (blur.motion_blur(edge.mT.contiguous(), 5, generator(0)) - edge.mT).square().sum((1, 2, 3))
    assert bool((across >= along - 1e-9).all())
    assert float(along.min()) < 0.02 * float(across.min())


def test_zoom_blur_is_the_mean_of_the_image_and_its_enlargements() -> None:
    """With numpy's own factors, and scipy's enlargements as the source cuts them."""
    image = torch.rand(1, 1, 32, 32, generator=generator("zoom"), dtype=torch.float64)
    for severity, stop in enumerate([1.06, 1.11, 1.16, 1.21, 1.26], start=1):
        x = image[0, 0].numpy()
        factors = np.arange(1, stop, 0.01)
        total = x.copy()
        for factor in factors:
            cut = int(np.ceil(32 / factor))
            top = (32 - cut) // 2
            grown = ndimage.zoom(x[top : top + cut, top : top + cut], factor, order=1)
            trim = (len(grown) - 32) // 2
            total += grown[trim : trim + 32, trim : trim + 32]
        expected = total / (len(factors) + 1)
        np.testing.assert_allclose(blur.zoom_blur(image, severity)[0, 0].numpy(), expected, rtol=0, atol=1e-12)
