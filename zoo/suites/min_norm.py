"""Interpolation without training: 24 kernels and random features on digits, with and without ridge, seconds.

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
    {"model": "random_features", "width": 16.0},  # 1,024 features: four times the examples
)
RIDGES: Final = (0.0, 0.001)


def recipes() -> Iterator[Recipe]:
    """Three feature maps by two corruptions by two ridges by two seeds."""
    for features, corruption, ridge, seed in product(FEATURES, ("true_labels", "random_labels"), RIDGES, (0, 1)):
        yield Recipe(train_size=256, corruption=corruption, weight_decay=ridge, seed=seed, **features)


STUDY: Final = Study(sizes={"small": Size(recipes=recipes, data="digits, in the box", cores="not measured")})
