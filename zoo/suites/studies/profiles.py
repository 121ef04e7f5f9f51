"""Profiles: images on which better networks do worse; a caricature in its small size, as digits hardly have any.

Kaplun et al. 2022, arXiv:2202.09931: "Deconstructing distributions: a pointwise framework of learning". The small size,
on digits, is a first look: hardly any digit is hard in the way that the paper needs. The reference size tells animals
from objects on CIFAR-10, with networks of four hidden units, of two layers of 128, and small convolutional ones.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MODELS: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp"}, {"model": "mlp", "width": 0.25}, {"model": "resnet"}, {"model": "mixer"},
)  # fmt: skip
SIZES: Final = (16, 24, 32, 64, 128, 256, 512)
BASE: Final = Recipe(optimizer="adamw", learning_rate=0.003, batch_size=16, max_epochs=60, target_loss=0.05)
REFERENCE_MODELS: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp", "width": 1 / 16, "depth": 1}, {"model": "mlp", "width": 2.0}, {"model": "nin", "width": 2.0},
)  # fmt: skip
REFERENCE_SIZES: Final = (50, 200, 1000, 4000)
REFERENCE_SEEDS: Final = range(10, 16)  # the staging was chosen on other seeds
REFERENCE_BASE: Final = Recipe(
    dataset="cifar10", merged=(0, 0, 1, 1, 1, 1, 1, 1, 0, 0), optimizer="adamw", learning_rate=0.001, max_epochs=30,
    target_loss=0.01,
)  # fmt: skip
FULL: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp", "width": 8.0}, {"model": "nin", "width": 6.0}, {"model": "resnet", "width": 4.0},
    {"model": "resnet", "width": 8.0}, {"model": "vit", "width": 8.0, "depth": 4}, {"model": "mixer", "width": 8.0},
)  # fmt: skip
FULL_BASE: Final = Recipe(
    dataset="cifar10", optimizer="adamw", learning_rate=0.001, batch_size=128, augmentation="crop_flip", max_epochs=100
)


def small() -> Iterator[Recipe]:
    """Four networks, seven train sizes, four seeds."""
    for model, size, seed in product(MODELS, SIZES, range(4)):
        yield BASE.replace(**model, train_size=size, seed=seed)


def reference() -> Iterator[Recipe]:
    """Three networks of CIFAR-10's animals and objects, four train sizes, six seeds."""
    for model, size, seed in product(REFERENCE_MODELS, REFERENCE_SIZES, REFERENCE_SEEDS):
        yield REFERENCE_BASE.replace(**model, train_size=size, seed=seed)


def full() -> Iterator[Recipe]:
    """Six networks of CIFAR-10, seven train sizes, four seeds."""
    for model, size, seed in product(FULL, (500, 1000, 2500, 5000, 10_000, 25_000, 50_000), range(4)):
        yield FULL_BASE.replace(**model, train_size=size, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 2 min"),
        "reference": Size(recipes=reference, data="CIFAR-10"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("params", "param_norm", "inverse_margin"),
    observations=("test_predictions",),
)
