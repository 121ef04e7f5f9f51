"""Compactness: spread of the features within classes, over networks and over training; of small networks on digits.

Chumachenko et al. 2021: models whose features vary less within classes do not necessarily perform better, and during
training the features of a class spread. Networks that differ in kind, width, rate and batch size. The paper has deep
convolutional networks on CIFAR-10 and others.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MODELS: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp", "width": 0.5},
    {"model": "mlp", "width": 4.0},
    {"model": "nin", "width": 0.5},
    {"model": "nin", "width": 2.0},
)
RATES: Final = (0.01, 0.05)
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(train_size=256, batch_size=16, max_epochs=100, checkpoints="doubling")
FULL_BASE: Final = Recipe(dataset="cifar10", batch_size=128, max_epochs=100, checkpoints="doubling")
FULL: Final[tuple[dict[str, Any], ...]] = tuple(
    {"model": model, "width": width} for model, width in product(("nin", "resnet"), (4.0, 8.0))
)


def small() -> Iterator[Recipe]:
    """Four networks, two rates, five seeds."""
    for model, rate, seed in product(MODELS, RATES, SEEDS):
        yield BASE.replace(**model, learning_rate=rate, seed=seed)


def full() -> Iterator[Recipe]:
    """Four networks, two rates on CIFAR-10, three seeds."""
    for model, rate, seed in product(FULL, RATES, range(3)):
        yield FULL_BASE.replace(**model, learning_rate=rate, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 10 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("cdnv", "nc1", "davies_bouldin"),
    observations=("class_spread",),
)
