"""Noise against the moments of its distributions."""

import pytest
import torch

from zoo.corruptions.noise import gaussian_noise, impulse_noise, shot_noise
from zoo.seeds import generator

GREY = torch.full((100, 1, 32, 32), 0.4, dtype=torch.float64)  # 102,400 values
STANDARD_ERRORS = 5 / GREY.numel() ** 0.5


@pytest.mark.parametrize(("severity", "std"), tuple(enumerate([0.04, 0.06, 0.08, 0.09, 0.10], start=1)))
def test_gaussian_noise_has_its_moments(severity: int, std: float) -> None:
    """Mean 0 and the published standard deviation, within five standard errors; normal by its fourth moment, 3."""
    z = (gaussian_noise(GREY, severity, generator("noise")) - GREY) / std
    assert abs(float(z.mean())) < STANDARD_ERRORS
    assert abs(float(z.square().mean()) - 1) < STANDARD_ERRORS * 2**0.5
    assert abs(float(z.pow(4).mean()) - 3) < STANDARD_ERRORS * 96**0.5


@pytest.mark.parametrize(("severity", "photons"), tuple(enumerate([500, 250, 100, 75, 50], start=1)))
def test_shot_noise_counts_photons(severity: int, photons: int) -> None:
    """Whole numbers of photons, of mean x and variance x / photons."""
    noisy = shot_noise(GREY, severity, generator("noise"))
    counts = noisy * photons
    assert torch.allclose(counts, counts.round(), atol=1e-9)
    variance = 0.4 / photons
    assert abs(float(noisy.mean()) - 0.4) < STANDARD_ERRORS * variance**0.5
    assert float((noisy - 0.4).square().mean()) == pytest.approx(variance, rel=2 * STANDARD_ERRORS)


def test_impulse_noise_replaces_its_fraction_by_both_ends() -> None:
    """Half salt, half pepper, each value by itself, and severities are nested."""
    before = None
    for severity, fraction in enumerate([0.01, 0.02, 0.03, 0.05, 0.07], start=1):
        noisy = impulse_noise(GREY, severity, generator("noise"))
        hit = noisy != GREY
        assert float(hit.double().mean()) == pytest.approx(fraction, abs=STANDARD_ERRORS * fraction**0.5)
        assert set(noisy[hit].unique().tolist()) == {0.0, 1.0}
        assert float(noisy[hit].mean()) == pytest.approx(0.5, abs=2.5 / int(hit.sum()) ** 0.5)
        if before is not None:
            assert bool((noisy == before)[before != GREY].all())
        before = noisy
