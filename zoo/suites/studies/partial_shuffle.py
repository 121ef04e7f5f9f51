"""Partial shuffling: full shuffles against CorgiPile, Corgi2 and none, on a disk sorted by label; of digits.

Livne et al. 2023, arXiv:2309.01640: where every shard holds one class, CorgiPile (arXiv:2206.05830) costs accuracy, and
one offline pass of it before training (Corgi2) wins it back. The disk has 32 shards, of which four are shuffled at
once. A plain network with plain SGD and a fixed number of epochs; the paper has residual networks.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.recipe_fields import DataOrder
from zoo.suites.study import Size, Study

ORDERS: Final[tuple[DataOrder, ...]] = ("full", "corgi2", "corgipile", "none")
SEEDS: Final = range(10, 16)  # the staging was chosen on other seeds
BASE: Final = Recipe(train_size=1024, width=2.0, learning_rate=0.02, batch_size=16, max_epochs=15, target_loss=0.0)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, learning_rate=0.05, batch_size=128, augmentation="crop_flip",
    max_epochs=60, target_loss=0.0,
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Four orders on digits, six seeds."""
    for order, seed in product(ORDERS, SEEDS):
        yield BASE.replace(data_order=order, seed=seed)


def full() -> Iterator[Recipe]:
    """Four orders on CIFAR-10, three seeds."""
    for order, seed in product(ORDERS, range(3)):
        yield FULL_BASE.replace(data_order=order, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 4 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin"),
)
