"""The study of Dziugaite et al. over rate, depth, width and train size; a caricature on digits in its small size.

Dziugaite et al. 2020, arXiv:2010.11924, "In search of robust measures of generalization". The full size is their grid
of five rates, depths and widths, four sizes and two data sets, ten seeds each, of network-in-network with 200 to 400
channels; the small one a part of that on digits, with 8 and 24; the reference size has those on CIFAR-10 at 16 x 16
pixels. The measures are the paper's; `--measures all` takes the others as well.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

SMALL_BASE: Final = Recipe(model="nin", batch_size=16, max_epochs=300)
FULL_BASE: Final = Recipe(model="nin", max_epochs=300)


def small() -> Iterator[Recipe]:
    """Two rates, three depths, two widths, three sizes, three seeds."""
    yield from _grid(SMALL_BASE, (48, 128, 384), range(3))


def reference() -> Iterator[Recipe]:
    """The same rates, depths and widths on up to 2,000 images of CIFAR-10 at 16 x 16 pixels."""
    base = SMALL_BASE.replace(dataset="cifar10", image_side=16, batch_size=32)
    yield from _grid(base, (500, 1000, 2000), range(10, 13))


def full() -> Iterator[Recipe]:
    """The paper's grid: 200 to 400 channels, a momentum of 0.9."""
    rates, depths, widths = (
        (0.001, 0.00158, 0.00316, 0.00631, 0.01),
        (2, 3, 4, 5, 6),
        (12.5, 15.625, 18.75, 21.875, 25.0),
    )
    sizes, sets = (6250, 12_500, 25_000, 50_000), ("cifar10", "svhn")
    for dataset, rate, depth, width, size, seed in product(sets, rates, depths, widths, sizes, range(10)):
        yield FULL_BASE.replace(
            dataset=dataset, learning_rate=rate, depth=depth, width=width, train_size=size, seed=seed
        )


def _grid(base: Recipe, sizes: tuple[int, ...], seeds: range) -> Iterator[Recipe]:
    for rate, depth, width, size, seed in product((0.01, 0.05), (1, 2, 3), (0.5, 1.5), sizes, seeds):
        yield base.replace(learning_rate=rate, depth=depth, width=width, train_size=size, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 13 min"),
        "reference": Size(recipes=reference, data="CIFAR-10"),
        "full": Size(recipes=full, data="CIFAR-10, SVHN"),
    },
    measures=(
        "pacbayes_orig", "pacbayes_flatness", "pacbayes_init", "path_norm_over_margin", "pacbayes_mag_flatness",
        "path_norm", "fro_dist", "sum_of_fro", "param_norm", "sum_of_fro_over_margin", "prod_of_fro_over_margin",
        "prod_of_fro", "sum_of_spec_fft", "fro_over_spec_fft", "inverse_margin", "sum_of_spec_over_margin_fft",
        "dist_spec_init_fft", "pacbayes_mag_orig", "pacbayes_mag_init", "params", "spec_orig_main_fft",
        "spec_init_main_fft", "prod_of_spec_fft", "prod_of_spec_over_margin_fft",
    ),
)  # fmt: skip
