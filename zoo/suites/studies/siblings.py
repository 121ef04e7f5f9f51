"""Siblings: pruning masks of two networks of one start and two data orders, after a shared beginning; of an mlp.

Movva, Carbin & Frankle 2021, arXiv:2104.14753: masks overlap hardly more than by chance, until siblings share their
first epochs. Four fifths of the weights are removed. The paper has a residual network on CIFAR-10 and retrains unions
and intersections of masks, which is not staged.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

SHARED: Final = (0, 1, 4, 16)  # epochs
SIBLING: Final = 100  # is added to the seed of the order
SOURCE: Final = 200  # is added to the seed of the order of the shared epochs
PRUNED: Final = 0.8
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(train_size=512, learning_rate=0.05, max_epochs=20, target_loss=0.0)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=2.0, learning_rate=0.05, batch_size=128, augmentation="crop_flip",
    max_epochs=60, target_loss=0.0,
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Pairs that share 0 to 16 epochs on digits, five seeds."""
    for shared, seed in product(SHARED, SEEDS):
        yield from pair(BASE, shared, seed)


def full() -> Iterator[Recipe]:
    """Pairs that share 0 to 16 epochs on CIFAR-10, three seeds."""
    for shared, seed in product(SHARED, range(3)):
        yield from pair(FULL_BASE, shared, seed)


def pair(base: Recipe, shared: int, seed: int) -> Iterator[Recipe]:
    """Two networks of one start and one data set that differ in the order of the data."""
    same: dict[str, Any] = {"init_seed": seed, "data_seed": seed}
    start = {"source": base.replace(max_epochs=shared, seed=seed + SOURCE, **same)} if shared else {}
    for own in (seed, seed + SIBLING):
        yield base.replace(prune=PRUNED, seed=own, **same, **start)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 4 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin"),
    observations=("pruned_weights",),
)
