"""Depth: residual networks from shallow to deep at one width; of a few digits in its small size.

Nichani, Radhakrishnan & Uhler 2021, arXiv:2010.09610: the test error of convolutional networks that all interpolate
falls and then rises with depth. Departs from the paper in images, numbers and widths; no augmentation in either.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

DEPTHS: Final = (2, 4, 8, 16, 32)
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(model="resnet", train_size=128, learning_rate=0.02, max_epochs=300)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, train_size=10_000, learning_rate=0.05, batch_size=128, max_epochs=300
)


def small() -> Iterator[Recipe]:
    """Five depths on 128 digits, five seeds."""
    for depth, seed in product(DEPTHS, SEEDS):
        yield BASE.replace(depth=depth, seed=seed)


def full() -> Iterator[Recipe]:
    """Six depths on 10,000 images of CIFAR-10, three seeds."""
    for depth, seed in product((*DEPTHS, 64), range(3)):
        yield FULL_BASE.replace(depth=depth, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 30 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin", "nc1", "cdnv"),
)
