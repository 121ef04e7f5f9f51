"""Simplicity: two-class networks watched along training, beside the linear classifier of the same data.

Nakkiran et al. 2019, arXiv:1905.11604: SGD learns functions of increasing complexity. The classes are digits 0 to 4 and
5 to 9; the full size has CIFAR-10's animals and objects.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

HALVES: Final = (0, 0, 0, 0, 0, 1, 1, 1, 1, 1)
ANIMALS: Final = (0, 0, 1, 1, 1, 1, 1, 1, 0, 0)
BASE: Final = Recipe(
    train_size=1024, merged=HALVES, momentum=0.0, learning_rate=0.01, max_epochs=256, checkpoints="doubling"
)
MODELS: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp", "width": 4.0},
    {"model": "mlp", "width": 4.0, "depth": 1},
    {"model": "resnet", "width": 1.0},
)
FULL_BASE: Final = Recipe(
    dataset="cifar10", merged=ANIMALS, momentum=0.0, learning_rate=0.01, max_epochs=512, checkpoints="doubling"
)
FULL: Final[tuple[dict[str, Any], ...]] = ({"model": "mlp", "width": 32.0}, {"model": "resnet", "width": 8.0})


def small() -> Iterator[Recipe]:
    """Three networks on digits, five seeds."""
    for model, seed in product(MODELS, range(5)):
        yield BASE.replace(**model, seed=seed)


def full() -> Iterator[Recipe]:
    """Two networks on CIFAR-10, three seeds."""
    for model, seed in product(FULL, range(3)):
        yield FULL_BASE.replace(**model, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 6 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin", "linear_regions"),
    observations=("explained_by_linear",),
)
