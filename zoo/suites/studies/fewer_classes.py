"""Fewer classes: ten, five and two classes of the same images, with and without adversarial training; of digits.

Qian et al. 2020, arXiv:2002.09422: classifiers of fewer classes are less susceptible to adversarial perturbations, and
the labels of more classes help standard accuracy on the fewer. Classes are merged, so that images and their number
are the same. Robustness is the mean distance of the training images from the boundary; the paper has robust error, and
larger networks on larger images.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MERGED: Final = ((), (0, 0, 1, 1, 2, 2, 3, 3, 4, 4), (0, 0, 0, 0, 0, 1, 1, 1, 1, 1))
ANIMALS: Final = ((), (0, 1, 2, 3, 2, 3, 4, 4, 0, 1), (0, 0, 1, 1, 1, 1, 1, 1, 0, 0))
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
TRAINING: Final[tuple[dict[str, Any], ...]] = ({}, {"adversarial_radius": 16.0, "adversarial_steps": 3})
BASE: Final = Recipe(train_size=512, width=4.0, learning_rate=0.05, max_epochs=200)
FULL_TRAINING: Final[tuple[dict[str, Any], ...]] = ({}, {"adversarial_radius": 8.0, "adversarial_steps": 7})
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, learning_rate=0.05, batch_size=128, max_epochs=100
)


def small() -> Iterator[Recipe]:
    """Three numbers of classes, with and without adversarial training, five seeds."""
    for merged, training, seed in product(MERGED, TRAINING, SEEDS):
        yield BASE.replace(merged=merged, **training, seed=seed)


def full() -> Iterator[Recipe]:
    """The same on CIFAR-10, three seeds; in the end vehicles and animals."""
    for merged, training, seed in product(ANIMALS, FULL_TRAINING, range(3)):
        yield FULL_BASE.replace(merged=merged, **training, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 7 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("adv_radius", "inverse_margin", "jacobian_norm"),
    observations=("test_predictions",),
)
