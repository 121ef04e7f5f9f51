"""Multiclass max margin, least norm and least squares on Gaussian mixtures: one solution in many dimensions.

Wang, Muthukumar & Thrampoulidis 2021, arXiv:2106.10865. Forty examples of orthogonal means, over dimensions; the means
grow as d^0.35, so that the interpolants generalize in the limit. Least squares on centred one-hot labels has the least
norm of all that fit them; one-against-all machines are left out.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.data.synthetic import Mixture
from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MODELS: Final = ("max_margin", "least_squares")
SEEDS: Final = range(20, 25)  # the staging was tried on others


def small() -> Iterator[Recipe]:
    """Four classes at 50 to 3,200 dimensions, both solutions, five seeds."""
    yield from _recipes(4, 40, (50, 100, 200, 400, 800, 1600, 3200))


def full() -> Iterator[Recipe]:
    """Seven classes, as in the paper's second example."""
    yield from _recipes(7, 70, (100, 200, 400, 800, 1600, 3200, 6400, 12800))


def _recipes(classes: int, size: int, dims: tuple[int, ...]) -> Iterator[Recipe]:
    for dim, model, seed in product(dims, MODELS, SEEDS):
        data = Mixture(dim=dim, signal=round(dim**0.35, 2), classes=classes, train=10 * size, test=2000)
        yield Recipe(dataset=data.name, model=model, train_size=size, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="synthetic, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="synthetic, in the box"),
    },
    measures=("fro_dist", "param_norm", "inverse_margin"),
    observations=("synthetic_data", "support_vectors"),
)
