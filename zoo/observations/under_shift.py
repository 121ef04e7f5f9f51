"""Test error of a network under each common corruption, on a fixed sample of the test images."""

import functools
from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from zoo.corruptions import COMMON_CORRUPTIONS, CommonCorruption, apply_common_corruption
from zoo.corruptions.common import CHANNELS, SEVERITIES, SMALLEST
from zoo.data.subsets import stratified_subset
from zoo.observations.observed import Observed, Trained, observation
from zoo.seeds import generator

SEVERITY: Final = 3
SAMPLE: Final = 2000  # images: a standard error of at most 1.1 points, for a tenth of what training costs
KEPT: Final = len(COMMON_CORRUPTIONS) * len(SEVERITIES)  # corrupted samples: half a gigabyte of CIFAR-10


@observation
def error_under_shift(trained: Trained) -> Observed:
    """Test error under each of the fifteen common corruptions at severity 3, Hendrycks & Dietterich 2019.

    Measured on 2,000 of the test images of the gap, drawn class by class, or on all where there are fewer. The sample
    and the draws of a corruption are the same for every network of a data set. `clean_error` is the error on the sample
    itself. Nothing is observed of networks whose test images are shifted already, come in pairs, are no grey
    levels, or smaller than 8 x 8 pixels.
    """
    if (sample := _sample(trained)) is None:
        return {}
    found = {"clean_error": _error(trained, *sample)}
    return found | {f"error_{name}": error for name, _, error in _errors(trained, *sample, (SEVERITY,))}


@observation
def error_under_severities(trained: Trained) -> Observed:
    """Test error under each common corruption at each severity, with `size.error_under`, the number of images.

    `error_under.fog.5` is that under fog at severity 5, `error_under.clean` that on the sample as it is; at severity 3
    they are those of `error_under_shift`.
    """
    if (sample := _sample(trained)) is None:
        return {}
    found = {"error_under.clean": _error(trained, *sample), "size.error_under": float(len(sample[1]))}
    each = _errors(trained, *sample, SEVERITIES)
    return found | {f"error_under.{name}.{severity}": error for name, severity, error in each}


def _sample(trained: Trained) -> tuple[Tensor, Tensor] | None:
    """Images and labels that are shifted; None where there is nothing to shift."""
    recipe, data = trained.recipe, trained.data
    shifted_already = recipe.shift is not None and recipe.shift_on != "train"
    channels, *sides = data.test_images.shape[1:]
    unfit = data.test_images.dtype != torch.uint8 or channels not in CHANNELS or min(sides) < SMALLEST
    if shifted_already or recipe.pairs or unfit:
        return None
    images, labels = data.test_images, data.test_labels
    if len(labels) > SAMPLE:
        chosen = stratified_subset(labels, SAMPLE, recipe.dataset, "error_under_shift")
        images, labels = images[chosen], labels[chosen]
    return images, labels


def _errors(
    trained: Trained, images: Tensor, labels: Tensor, severities: tuple[int, ...]
) -> Iterator[tuple[CommonCorruption, int, float]]:
    pixels, shape = images.contiguous().numpy().tobytes(), tuple(images.shape)
    for name in COMMON_CORRUPTIONS:
        for severity in severities:
            shifted = _shifted(pixels, shape, trained.recipe.dataset, name, severity)
            yield name, severity, _error(trained, shifted, labels)


@functools.lru_cache(maxsize=KEPT)
def _shifted(pixels: bytes, shape: tuple[int, ...], dataset: str, name: CommonCorruption, severity: int) -> Tensor:
    """Images of these bytes after a corruption; kept, since every network of a zoo is tested on them."""
    images = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(shape)
    return apply_common_corruption(images, name, severity, generator(dataset, name, "error_under_shift"))


def _error(trained: Trained, images: Tensor, labels: Tensor) -> float:
    return float((trained.predictions(images) != labels).double().mean())
