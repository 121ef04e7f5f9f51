"""Momentum: full and small batches with and without it; a caricature on ordinary digits, without planted margins.

Jelassi & Li 2022, arXiv:2207.05931: gradient descent with momentum generalizes better than without, also at full batch,
where there is no noise that it could average out. Rates are tuned for each of them, and all train to the same loss. No
batch norm, no augmentation. The paper's proof has data in which examples of a large and of a small margin share a
feature; here the images are as they are.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MOMENTA: Final = (0.0, 0.9)
RATES: Final = (0.1, 0.5)
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(model="nin", depth=1, batch_norm=False, train_size=128, max_epochs=3000)
BATCHES: Final = (16, 128)  # the second is full
FULL_BASE: Final = Recipe(dataset="cifar10", model="nin", width=6.0, batch_norm=False, train_size=4096, max_epochs=2000)
FULL_BATCHES: Final = (64, 4096)


def small() -> Iterator[Recipe]:
    """Two batch sizes, two rates, with and without momentum, five seeds."""
    yield from _recipes(BASE, BATCHES, SEEDS)


def full() -> Iterator[Recipe]:
    """The same on 4,096 images of CIFAR-10, three seeds."""
    yield from _recipes(FULL_BASE, FULL_BATCHES, range(3))


def _recipes(base: Recipe, batches: tuple[int, ...], seeds: range) -> Iterator[Recipe]:
    for batch, momentum, rate, seed in product(batches, MOMENTA, RATES, seeds):
        yield base.replace(batch_size=batch, momentum=momentum, learning_rate=rate, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 19 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin"),
)
