"""Fixed features against naive transcriptions, and in blocks of any size."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from zoo.models import fixed_features
from zoo.models.fixed_features import GaborFeatures, PatchFeatures

DRAW = torch.Generator().manual_seed(0)
IMAGES = torch.randn(5, 2, 9, 8, generator=DRAW, dtype=torch.float64)
NORMAL = torch.randn(7, 72, generator=DRAW, dtype=torch.float64)


def patches_of(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every 6 x 6 patch [4, 3, c 36] of an image [c, 9, 8]."""
    return np.array([[image[:, i : i + 6, j : j + 6].flatten() for j in range(3)] for i in range(4)])


def test_patch_features_patch_by_patch() -> None:
    """Whitened by the covariance of all patches, damped; rectified; averaged over quadrants that share a column."""
    images = IMAGES.numpy()
    every = np.concatenate([patches_of(image).reshape(-1, 72) for image in images])
    values, vectors = np.linalg.eigh(np.cov(every.T, bias=True))
    values = values.clip(0)
    whiten = vectors @ np.diag((values + 0.1 * values.mean()) ** -0.5) @ vectors.T
    expected = []
    for image in images:
        responses = np.maximum((patches_of(image) - every.mean(0)) @ whiten @ NORMAL.numpy().T / math.sqrt(72), 0)
        cells = [
            responses[rows][:, columns] for rows in (slice(0, 2), slice(2, 4)) for columns in (slice(0, 2), slice(1, 3))
        ]
        expected.append(np.array([cell.mean((0, 1)) for cell in cells]).T.flatten())

    found = PatchFeatures(NORMAL, IMAGES)(IMAGES)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-10)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One image and one filter at a time."""
    modules = (PatchFeatures(NORMAL, IMAGES), GaborFeatures(IMAGES))
    whole = [module(IMAGES) for module in modules]
    monkeypatch.setattr(fixed_features, "BLOCK_BYTES", 1)
    for module, expected in zip(modules, whole, strict=True):
        torch.testing.assert_close(module(IMAGES), expected)


def test_a_block_stays_within_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Responses of a block, images times filters times pixels, are at most so many bytes."""
    seen: list[int] = []
    convolve = torch.nn.functional.conv2d

    def watched(images: torch.Tensor, filters: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        seen.append(len(images) * len(filters) * 72 * 8)
        return convolve(images, filters, bias)

    monkeypatch.setattr("zoo.models.fixed_features.functional.conv2d", watched)
    monkeypatch.setattr(fixed_features, "BLOCK_BYTES", 3 * 72 * 8)
    PatchFeatures(NORMAL, IMAGES)(IMAGES)
    assert max(seen) <= 3 * 72 * 8
    assert len(seen) == 5 * 3


def test_a_wave_answers_its_own_filter() -> None:
    """A plane wave of one wavelength and orientation has its largest modulus there; a constant image has none."""
    columns = torch.arange(24, dtype=torch.float64).expand(24, 24)
    wave = torch.cos(2 * math.pi * columns / 6)[None, None]  # along the columns: orientation 0 of the second wavelength
    network = GaborFeatures(wave)

    def middle(images: torch.Tensor) -> torch.Tensor:
        moduli: torch.Tensor = network(images).view(2, 8, 4, 4)[:, :, 1:3, 1:3].mean((2, 3))
        return moduli

    assert network(wave).shape == (1, 256)
    assert middle(wave).flatten().argmax() == 8
    assert float(middle(torch.ones_like(wave)).max()) < 0.01 * float(middle(wave).max())


def test_small_images_are_refused() -> None:
    """Smaller than a patch."""
    with pytest.raises(ValueError, match="sides of 6 or more; got 5 x 5"):
        PatchFeatures(torch.zeros(1, 36), torch.zeros(2, 1, 5, 5))
