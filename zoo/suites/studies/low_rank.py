"""Low rank: factorised layers against full ones and against narrower networks of as many weights; a caricature.

Kamalakara et al. 2021, arXiv:2209.13569, train language models and residual networks from factors; here a plain network
on digits, a residual one on CIFAR-10 in the full size. The factors are those of a singular value decomposition of the
initial weights (spectral initialization). The paper's question, which of the reasons for its techniques hold up, is not
staged; what is staged is that they work.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

WIDTH: Final = 4.0
RANKS: Final = (1.0, 0.5, 0.25, 0.125)
NARROW: Final = (2.6, 1.8)  # widths of full rank with about the weights of ranks 0.25 and 0.125
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(train_size=256, learning_rate=0.01, max_epochs=200)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", learning_rate=0.05, batch_size=128, augmentation="crop_flip", max_epochs=200,
    target_loss=0.02,
)  # fmt: skip
FULL_NARROW: Final = (5.6, 4.0)


def small() -> Iterator[Recipe]:
    """Four ranks at one width and two narrower networks, five seeds."""
    yield from _recipes(BASE, WIDTH, NARROW, SEEDS)


def full() -> Iterator[Recipe]:
    """The same of residual networks on CIFAR-10, three seeds."""
    yield from _recipes(FULL_BASE, 8.0, FULL_NARROW, range(3))


def _recipes(base: Recipe, width: float, narrow: tuple[float, ...], seeds: range) -> Iterator[Recipe]:
    for rank, seed in product(RANKS, seeds):
        yield base.replace(width=width, rank=rank, seed=seed)
    for narrower, seed in product(narrow, seeds):
        yield base.replace(width=narrower, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 6 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("params", "param_norm", "inverse_margin"),
    observations=("sizes",),
)
