"""SubTuning: a block of layers, the head or all is trained from a network of other classes; a caricature on digits.

Kaplun et al. 2023, arXiv:2302.06354: a chosen subset of layers does as well as all, and better with few data. Trained
on digits 0 to 4, tuned on 5 to 9, with few and with many examples. The paper starts from ImageNet and chooses among the
blocks of deep residual networks; here there are two blocks to choose from.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

HEAD: Final = ("18.",)
FIRST: Final = ("0.", "1.", "3.", "4.", "6.", "7.", *HEAD)  # convolutions and batch norms of a block, and the head
SECOND: Final = ("9.", "10.", "12.", "13.", "15.", "16.", *HEAD)
TUNED: Final = ((), HEAD, FIRST, SECOND)
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(model="nin", learning_rate=0.02, batch_size=16, max_epochs=50)
FULL_BASE: Final = Recipe(dataset="cifar10", model="nin", width=6.0, learning_rate=0.02, batch_size=64, max_epochs=100)


def small() -> Iterator[Recipe]:
    """Four subsets of layers, 25 and 400 digits, five seeds."""
    yield from _recipes(BASE, 512, {25: 5, 400: 16}, SEEDS)


def full() -> Iterator[Recipe]:
    """Four subsets of layers, 250 and 10,000 images of CIFAR-10, three seeds."""
    yield from _recipes(FULL_BASE, 25_000, {250: 25, 10_000: 64}, range(3))


def _recipes(base: Recipe, source_size: int, sizes: Mapping[int, int], seeds: range) -> Iterator[Recipe]:
    """Yield the tuned networks, for each training size with its batch size."""
    for (size, batch), tuned, seed in product(sizes.items(), TUNED, seeds):
        source = base.replace(classes=(0, 1, 2, 3, 4), train_size=source_size, seed=seed)
        target = base.replace(classes=(5, 6, 7, 8, 9), train_size=size, batch_size=batch, seed=seed)
        yield target.replace(source=source, tuned_layers=tuned)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 11 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("l2_dist", "fro_dist", "inverse_margin"),
)
