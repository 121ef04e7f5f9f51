"""Early stopping: two-class networks on noisy and on true labels, watched along training; test labels are true ones.

Ji, Li & Telgarsky 2021, arXiv:2106.05932: where the best risk is not zero, gradient descent that stops early comes
close to it, in logistic loss, in error and in calibration. Two classes, digits 0 to 4 and 5 to 9; two fifths of the
training labels are replaced by random ones, so that a fifth is wrong. The loss is measured under true labels;
calibration is not staged, nor is the paper's result on interpolation in one dimension.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

HALVES: Final = (0, 0, 0, 0, 0, 1, 1, 1, 1, 1)
ANIMALS: Final = (0, 0, 1, 1, 1, 1, 1, 1, 0, 0)
NOISE: Final[tuple[dict[str, Any], ...]] = ({}, {"corruption": "partial_labels", "corruption_p": 0.4})
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(
    merged=HALVES, train_size=1024, width=4.0, momentum=0.0, learning_rate=0.05, max_epochs=256, target_loss=0.0,
    checkpoints="doubling",
)  # fmt: skip
FULL_BASE: Final = Recipe(
    dataset="cifar10", merged=ANIMALS, model="resnet", width=8.0, momentum=0.0, learning_rate=0.05, batch_size=128,
    max_epochs=256, target_loss=0.0, checkpoints="doubling",
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """With and without noise on digits, five seeds."""
    for noise, seed in product(NOISE, SEEDS):
        yield BASE.replace(**noise, seed=seed)


def full() -> Iterator[Recipe]:
    """With and without noise on CIFAR-10, three seeds."""
    for noise, seed in product(NOISE, range(3)):
        yield FULL_BASE.replace(**noise, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 21 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("train_ece", "param_norm", "fro_dist"),
)
