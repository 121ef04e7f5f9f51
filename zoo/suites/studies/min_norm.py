"""Interpolation without training: kernels on pixels and on random features, with and without ridge.

Section 5 of Zhang et al. 2021, doi:10.1145/3446776: does least norm generalize, and does the norm tell which features
do? True and random labels, Gaussian kernels on pixels and on random convolutional features, and random ReLU features.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

FEATURES: Final[tuple[dict[str, Any], ...]] = (
    {"model": "kernel_gaussian"},
    {"model": "kernel_conv"},
    {"model": "random_features", "width": 24.0},  # 1,536 features: three times the examples
)
RIDGES: Final = (0.0, 0.0001, 0.001)
FULL_SIZE: Final = 10_000  # a kernel of the whole set takes 30 GB, as the paper says


def small() -> Iterator[Recipe]:
    """Three feature maps by two corruptions by three ridges by five subsets of the digits."""
    for features, corruption, ridge, seed in product(FEATURES, ("true_labels", "random_labels"), RIDGES, range(5)):
        yield Recipe(train_size=512, corruption=corruption, weight_decay=ridge, seed=seed, **features)


def full() -> Iterator[Recipe]:
    """The two kernels on MNIST and CIFAR-10; 32,000 random filters, as in the paper."""
    kernels: tuple[dict[str, Any], ...] = ({"model": "kernel_gaussian"}, {"model": "kernel_conv", "width": 500.0})
    for dataset, features, ridge, seed in product(("mnist", "cifar10"), kernels, RIDGES, range(3)):
        yield Recipe(dataset=dataset, train_size=FULL_SIZE, weight_decay=ridge, seed=seed, **features)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="MNIST, CIFAR-10"),
    },
    measures=("fro_dist", "param_norm", "inverse_margin"),
    observations=("solution_norm",),
)
