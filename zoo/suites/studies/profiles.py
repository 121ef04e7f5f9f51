"""Profiles: networks of all accuracies, to see on which single images better networks do worse.

Kaplun et al. 2022, arXiv:2202.09931: "Deconstructing distributions: a pointwise framework of learning".
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


def full() -> Iterator[Recipe]:
    """Six networks of CIFAR-10, seven train sizes, four seeds."""
    for model, size, seed in product(FULL, (500, 1000, 2500, 5000, 10_000, 25_000, 50_000), range(4)):
        yield FULL_BASE.replace(**model, train_size=size, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("params", "param_norm", "inverse_margin"),
    observations=("test_predictions",),
)
