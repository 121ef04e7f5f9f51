"""Bad minima: plain SGD from fitted random labels against a fresh start, with and without regularizers.

Liu, Papailiopoulos & Achlioptas 2020, arXiv:1906.02613: copies of every image, a tenth of the pixels zeroed, each with
its own random label, are fitted; from there the true labels. The small size has a plain network on 256 digits, the
full one a residual network on CIFAR-10, the paper also others and CIFAR-100 and CINIC-10.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

REGULARIZERS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"momentum": 0.9},
    {"weight_decay": 0.003},
    {"augmentation": "crop"},
    {"momentum": 0.9, "weight_decay": 0.003, "augmentation": "crop"},
)
STARTS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"pretrain_copies": 5, "pretrain_erasure": 0.1, "pretrain_epochs": 300},
)
BASE: Final = Recipe(train_size=256, width=8.0, momentum=0.0, learning_rate=0.05, max_epochs=200)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, momentum=0.0, schedule="step", batch_size=128, max_epochs=350,
    target_loss=0.0,
)  # fmt: skip
FULL_REGULARIZERS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"momentum": 0.9},
    {"weight_decay": 0.0005},
    {"augmentation": "crop_flip"},
    {"momentum": 0.9, "weight_decay": 0.0005, "augmentation": "crop_flip"},
)


def small() -> Iterator[Recipe]:
    """Five sets of regularizers from two starts, four seeds."""
    for regularizer, start, seed in product(REGULARIZERS, STARTS, range(4)):
        yield BASE.replace(**regularizer, **start, seed=seed)


def full() -> Iterator[Recipe]:
    """The same on CIFAR-10, three seeds."""
    for regularizer, start, seed in product(FULL_REGULARIZERS, STARTS, range(3)):
        yield FULL_BASE.replace(**regularizer, **start, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 5 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("fro_dist", "param_norm", "inverse_margin", "path_norm", "sam_sharpness", "jacobian_norm"),
)
