"""Test error of a network under each common corruption, on a fixed sample of the test images."""

import functools
from typing import Final

import torch
from torch import Tensor

from zoo.corruptions import COMMON_CORRUPTIONS, CommonCorruption, apply_common_corruption
from zoo.data.subsets import stratified_subset
from zoo.observations.observed import Observed, Trained, observation
from zoo.seeds import generator

SEVERITY: Final = 3
SAMPLE: Final = 2000  # images: a standard error of at most 1.1 points, for a tenth of what training costs


@observation
def error_under_shift(trained: Trained) -> Observed:
    """Test error under each of the fifteen common corruptions at severity 3, Hendrycks & Dietterich 2019.

    Measured on 2,000 of the test images of the gap, drawn class by class, or on all where there are fewer. The sample
    and the draws of a corruption are the same for every network of a data set. `clean_error` is the error on the sample
    itself. Nothing is observed of networks whose test images are shifted already, come in pairs or are no grey levels.
    """
    recipe, data = trained.recipe, trained.data
    shifted_already = recipe.shift is not None and recipe.shift_on != "train"
    if shifted_already or recipe.pairs or data.test_images.dtype != torch.uint8:
        return {}
    images, labels = data.test_images, data.test_labels
    if len(labels) > SAMPLE:
        chosen = stratified_subset(labels, SAMPLE, recipe.dataset, "error_under_shift")
        images, labels = images[chosen], labels[chosen]
    found = {"clean_error": _error(trained, images, labels)}
    pixels = images.contiguous().numpy().tobytes()
    for name in COMMON_CORRUPTIONS:
        shifted = _shifted(pixels, tuple(images.shape), recipe.dataset, name)
        found[f"error_{name}"] = _error(trained, shifted, labels)
    return found


@functools.lru_cache(maxsize=len(COMMON_CORRUPTIONS))
def _shifted(pixels: bytes, shape: tuple[int, ...], dataset: str, name: CommonCorruption) -> Tensor:
    """Images of these bytes after a corruption; kept, since every network of a zoo is tested on them."""
    images = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(shape)
    return apply_common_corruption(images, name, SEVERITY, generator(dataset, name, "error_under_shift"))


def _error(trained: Trained, images: Tensor, labels: Tensor) -> float:
    return float((trained.predictions(images) != labels).double().mean())
