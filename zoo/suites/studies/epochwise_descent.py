"""Double descent over epochs of a linear student with features of two speeds; a caricature: labels are signs.

Pezeshki et al. 2022, arXiv:2112.03215: fast features are learned, then overfit, and then slow features are learned. The
labels are signs of a linear teacher, where the paper's are real numbers, and each network is full-batch gradient
descent after so many steps, in closed form; beside it a student whose features have one speed.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.data.synthetic import Teacher
from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

SCALES: Final = (0.01, 1.0)  # of the slow features, in standard deviations of the fast ones
STEPS: Final = (
    1, 2, 3, 5, 10, 20, 40, 100, 300, 1000, 3000, 6000, 10_000, 20_000, 40_000, 100_000, 200_000, 500_000, 1_000_000,
)  # fmt: skip
SEEDS: Final = range(20, 25)  # the staging was tried on others


def small() -> Iterator[Recipe]:
    """Three hundred examples, 150 fast features and 15 slow ones, 19 numbers of steps, five seeds."""
    yield from _recipes(1)


def full() -> Iterator[Recipe]:
    """Four times as many of each."""
    yield from _recipes(4)


def _recipes(factor: int) -> Iterator[Recipe]:
    for scale, steps, seed in product(SCALES, STEPS, SEEDS):
        data = Teacher(dim=165 * factor, weak=15 * factor, scale=scale, weak_share=0.7, train=3000 * factor)
        yield Recipe(
            dataset=data.name,
            model="gradient_descent",
            train_size=300 * factor,
            learning_rate=0.2,
            max_epochs=steps,
            seed=seed,
        )


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="synthetic, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="synthetic, in the box"),
    },
    measures=("fro_dist", "param_norm", "inverse_margin"),
    observations=("synthetic_data", "squared_risk"),
)
