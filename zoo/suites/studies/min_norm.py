"""Interpolation without training: kernels on pixels and on fixed features, over bandwidths, with and without ridge.

Section 5 of Zhang et al. 2021, doi:10.1145/3446776: does least norm generalize, and does the norm tell which features
do? Gaussian kernels on pixels, on random features of whitened patches and on Gabor wavelets, each at several
bandwidths, of which the claims take the best one on held-out training images. Random labels at the median distance,
and random ReLU features, are there for the measures. The small size, on digits, is a first look; the reference size has
CIFAR-10 at 16 x 16 pixels. An earlier staging compared kernels at one bandwidth, of which the norm mostly speaks.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

BANDWIDTHS: Final = (0.25, 0.5, 1.0, 2.0, 3.0)
RIDGES: Final = (0.0, 0.0001, 0.001)
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
FULL_SIZE: Final = 10_000  # a kernel of the whole set takes 30 GB, as the paper says


def small() -> Iterator[Recipe]:
    """Three representations by five bandwidths by three ridges by five subsets of the digits, and random labels."""
    base = Recipe(train_size=512)
    yield from _kernels(base, 4.0, BANDWIDTHS, RIDGES, SEEDS)
    for features, seed in product(_representations(4.0), SEEDS):
        yield base.replace(**features, corruption="random_labels", seed=seed)
    for corruption, seed in product(("true_labels", "random_labels"), SEEDS):
        yield base.replace(model="random_features", width=24.0, corruption=corruption, seed=seed)  # 1,536 features


def reference() -> Iterator[Recipe]:
    """Three representations of 2,000 images of CIFAR-10, four bandwidths, with and without ridge, three seeds."""
    base = Recipe(dataset="cifar10", image_side=16, unlabeled="half_of_test", train_size=2000)
    yield from _kernels(base, 8.0, BANDWIDTHS[:-1], (RIDGES[0], RIDGES[-1]), SEEDS[:3])


def full() -> Iterator[Recipe]:
    """MNIST and CIFAR-10, with a tenth of the paper's 32,000 filters: their features take 1 GB."""
    for dataset in ("mnist", "cifar10"):
        yield from _kernels(Recipe(dataset=dataset, train_size=FULL_SIZE), 50.0, BANDWIDTHS, RIDGES, range(3))


def _representations(width: float) -> tuple[dict[str, Any], ...]:
    return {"model": "kernel_gaussian"}, {"model": "kernel_patches", "width": width}, {"model": "kernel_gabor"}


def _kernels(
    base: Recipe, width: float, bandwidths: Sequence[float], ridges: Sequence[float], seeds: range
) -> Iterator[Recipe]:
    for features, bandwidth, ridge, seed in product(_representations(width), bandwidths, ridges, seeds):
        yield base.replace(**features, bandwidth=bandwidth, weight_decay=ridge, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box"),
        "reference": Size(recipes=reference, data="CIFAR-10"),
        "full": Size(recipes=full, data="MNIST, CIFAR-10"),
    },
    measures=("fro_dist", "param_norm", "inverse_margin"),
    observations=("solution_norm", "held_out_error"),
)
