"""Max margin on binary Gaussian mixtures with wrong labels: it fits them, and in many dimensions does no harm.

Chatterji & Long 2021, arXiv:2004.12019; Cao, Gu & Belkin 2021, arXiv:2104.13628; Wang & Thrampoulidis 2021,
arXiv:2011.09148. A fifth of the labels is wrong, at random, where the first has an adversary. The means grow as d^0.35,
so that their fourth power outgrows the dimensions, or they stay.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.data.synthetic import Mixture
from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

REPLACED: Final = 0.4  # by a random one of two labels: a fifth is wrong
STAYING: Final = 2.5
SEEDS: Final = range(10, 15)  # the staging was tried on others


def small() -> Iterator[Recipe]:
    """One hundred examples at 200 to 6,400 dimensions, growing and staying means, five seeds."""
    yield from _recipes((200, 400, 800, 1600, 3200, 6400))


def full() -> Iterator[Recipe]:
    """The same up to 25,600 dimensions."""
    yield from _recipes((200, 400, 800, 1600, 3200, 6400, 12800, 25600))


def _recipes(dims: tuple[int, ...]) -> Iterator[Recipe]:
    for dim, grows, seed in product(dims, (True, False), SEEDS):
        signal = round(0.6 * dim**0.35, 2) if grows else STAYING
        data = Mixture(dim=dim, signal=signal, train=600, test=2000)
        yield Recipe(
            dataset=data.name,
            model="max_margin",
            train_size=100,
            corruption="partial_labels",
            corruption_p=REPLACED,
            seed=seed,
        )


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="synthetic, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="synthetic, in the box"),
    },
    measures=("fro_dist", "param_norm", "inverse_margin"),
    observations=("synthetic_data", "support_vectors"),
)
