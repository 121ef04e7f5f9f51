"""Width and shift: convolutional networks of several widths under common corruptions; a caricature on images.

Koutini et al. 2021, arXiv:2107.08933: wider networks generalize better to unseen recording devices, even with no more
parameters. The paper has acoustic scenes; here a common corruption of the image stands for a device that was not seen
in training. With no more parameters: a share of the weights, drawn at random, is zero from the start.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

WIDTHS: Final = (0.5, 1.0, 2.0, 4.0)
SPARSE: Final = (2.0, 4.0)  # with as many weights that are not zero as at width 1
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(model="nin", train_size=256, learning_rate=0.05, max_epochs=200)
FULL_BASE: Final = Recipe(dataset="cifar10", model="nin", learning_rate=0.05, batch_size=128, max_epochs=200)


def small() -> Iterator[Recipe]:
    """Four widths, and two of one number of weights, five seeds."""
    yield from _recipes(BASE, WIDTHS, SPARSE, 1, SEEDS)


def full() -> Iterator[Recipe]:
    """The same on CIFAR-10, eight times as wide, three seeds."""
    yield from _recipes(FULL_BASE, (4.0, 8.0, 16.0, 32.0), (16.0, 32.0), 3, range(3))


def _recipes(
    base: Recipe, widths: tuple[float, ...], sparse: tuple[float, ...], channels: int, seeds: range
) -> Iterator[Recipe]:
    for width, seed in product(widths, seeds):
        yield base.replace(width=width, seed=seed)
    for width, seed in product(sparse, seeds):
        share = round(1 - weights(widths[1], channels) / weights(width, channels), 6)
        yield base.replace(width=width, sparsity=share, seed=seed)


def weights(width: float, channels: int) -> float:
    """Weights of a network in network of two blocks, 16 channels at width 1, for ten classes."""
    own = 16 * width
    return own * (9 * channels + 13 * own + 10)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 13 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("params", "param_norm", "fro_dist"),
    observations=("error_under_shift",),
)
