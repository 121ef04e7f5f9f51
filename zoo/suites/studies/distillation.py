"""Distillation: teachers that fitted label noise, and students that learn from them on images that they never saw.

Kaplun et al. 2022, arXiv:2203.14649: an interpolating network repeats the noise of its labels on new images, as a
sampler would, and its student averages that noise out. A student has images that are disjoint from those of its
teacher, whose softmax is all that it learns. Departs from the paper in the size of networks and images, and in soft
labels, which are nearly hard, for the teacher has fitted its own.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

NOISE: Final = (0.0, 0.2, 0.4)
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(train_size=600, width=4.0, learning_rate=0.05, max_epochs=300)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, train_size=25_000, learning_rate=0.1, batch_size=128,
    augmentation="crop_flip", max_epochs=200,
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Teachers on 600 digits at three levels of noise and their students on 600 others, five seeds."""
    yield from _recipes(BASE, 60, SEEDS)


def full() -> Iterator[Recipe]:
    """The same with halves of CIFAR-10, three seeds."""
    yield from _recipes(FULL_BASE, 60, range(3))


def _recipes(base: Recipe, epochs: int, seeds: range) -> Iterator[Recipe]:
    for noise, seed in product(NOISE, seeds):
        noisy = {"corruption": "partial_labels", "corruption_p": noise} if noise else {}
        teacher = base.replace(**noisy, seed=seed)
        yield teacher
        yield base.replace(teacher=teacher, train_part=1, max_epochs=epochs, target_loss=0.0, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 8 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin"),
)
