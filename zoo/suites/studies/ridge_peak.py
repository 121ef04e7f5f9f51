"""Peak of least squares at as many examples as dimensions, without and with a ridge; a caricature: labels are signs.

Hastie et al. 2022, arXiv:1903.08560, for real-valued labels. Here they are the signs of a linear teacher, so that the
members are classifiers: a linear model explains 2 / pi of a sign, and the rest acts as noise. Least squares of
least norm and with the best ridge, on true labels and with 40 % random ones, over numbers of examples.
"""

import math
from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.data.synthetic import Teacher
from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

RATIOS: Final = (0.25, 0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 2.0, 4.0)  # examples divided by dimensions
NOISE: Final = (0.0, 0.4)
SEEDS: Final = range(10, 15)  # the staging was tried on others
EXPLAINED: Final = 2 / math.pi  # of the variance of a sign by its Gaussian score


def small() -> Iterator[Recipe]:
    """Nine numbers of examples at 200 dimensions, two levels of label noise, with and without ridge, five seeds."""
    yield from _recipes(200)


def full() -> Iterator[Recipe]:
    """The same at 1,000 dimensions."""
    yield from _recipes(1000)


def _recipes(dim: int) -> Iterator[Recipe]:
    data = Teacher(dim=dim, train=8 * dim)
    for ratio, noise, tuned, seed in product(RATIOS, NOISE, (False, True), SEEDS):
        ridge = best_ridge(1 / ratio, noise) if tuned else 0.0
        base = Recipe(
            dataset=data.name, model="least_squares", train_size=round(ratio * dim), weight_decay=ridge, seed=seed
        )
        yield base.replace(corruption="partial_labels", corruption_p=noise) if noise else base


def best_ridge(aspect: float, noise: float) -> float:
    """Compute the ridge of least risk: dimensions divided by examples, times noise divided by signal."""
    signal = EXPLAINED * (1 - noise) ** 2
    return float(f"{aspect * (1 - signal) / signal:.4g}")


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="synthetic, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="synthetic, in the box"),
    },
    measures=("fro_dist", "param_norm", "inverse_margin"),
    observations=("synthetic_data", "squared_risk"),
)
