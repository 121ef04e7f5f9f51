"""Gradient starvation: two similar classes with and without spectral decoupling; a caricature without planted features.

Pezeshki et al. 2020, arXiv:2011.09468: cross-entropy captures few features and starves the others; a penalty on the
logits (spectral decoupling) learns more of them, which shows out of distribution and in robustness to small
perturbations. The paper has coloured digits, faces, and cats against dogs; here digits 3 against 8, and cats against
dogs of CIFAR-10 in the full size. Robustness is the distance of training images from the boundary, out of distribution
are common corruptions.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

PENALTIES: Final = (0.0, 0.01, 0.1)
SEEDS: Final = range(10, 16)  # the staging was chosen on other seeds
BASE: Final = Recipe(
    classes=(3, 8), train_size=128, width=4.0, learning_rate=0.02, batch_size=16, max_epochs=200, target_loss=0.0
)
FULL_BASE: Final = Recipe(
    dataset="cifar10", classes=(3, 5), model="resnet", width=8.0, learning_rate=0.02, batch_size=128, max_epochs=200,
    target_loss=0.0,
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Three penalties on digits 3 and 8, six seeds."""
    for penalty, seed in product(PENALTIES, SEEDS):
        yield BASE.replace(spectral_decoupling=penalty, seed=seed)


def full() -> Iterator[Recipe]:
    """Three penalties on cats and dogs, three seeds."""
    for penalty, seed in product(PENALTIES, range(3)):
        yield FULL_BASE.replace(spectral_decoupling=penalty, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("adv_radius", "param_norm", "inverse_margin"),
    observations=("error_under_shift",),
)
