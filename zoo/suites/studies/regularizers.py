"""Regularizers: augmentation, weight decay, dropout and batch norm on and off, on true and on random labels.

Zhang et al. 2017, arXiv:1611.03530, sec. 3 and table 1: regularizers help by a few points and are not why networks
generalize. Checkpoints give the early-stopping curves of fig. 2. The small size has a residual and a plain network on
256 digits, the reference size the same on 2,000 images of CIFAR-10 at 16 x 16 pixels, where the paper has Inception,
AlexNet and plain networks on all of CIFAR-10.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

ON_OFF: Final = (False, True)
SMALL_BASE: Final = Recipe(train_size=256, learning_rate=0.02, max_epochs=256, checkpoints="doubling")
FULL_BASE: Final = Recipe(
    dataset="cifar10", learning_rate=0.1, schedule="exponential", batch_size=128, max_epochs=300, checkpoints="doubling"
)
SMALL_MODELS: Final[tuple[dict[str, Any], ...]] = ({"model": "resnet", "width": 2.0}, {"model": "mlp", "width": 8.0})
FULL_MODELS: Final[tuple[dict[str, Any], ...]] = (
    {"model": "resnet", "width": 8.0},
    {"model": "mlp", "width": 8.0, "depth": 3, "learning_rate": 0.01},
    {"model": "mlp", "width": 8.0, "depth": 1, "learning_rate": 0.01},
)


def small() -> Iterator[Recipe]:
    """A residual and a plain network on digits, four seeds."""
    yield from _table(SMALL_BASE, SMALL_MODELS, "crop", range(4))


def reference() -> Iterator[Recipe]:
    """The same two networks on 2,000 images of CIFAR-10 at 16 x 16 pixels, three seeds."""
    base = SMALL_BASE.replace(dataset="cifar10", image_side=16, train_size=2000, batch_size=64)
    yield from _table(base, SMALL_MODELS, "crop_flip", range(10, 13))


def full() -> Iterator[Recipe]:
    """Three networks on CIFAR-10, three seeds."""
    yield from _table(FULL_BASE, FULL_MODELS, "crop_flip", range(3))


def _table(base: Recipe, models: tuple[dict[str, Any], ...], augmentation: Any, seeds: range) -> Iterator[Recipe]:
    """Table 1: the third regularizer is batch norm where there is one, and dropout where there is none."""
    for model, seed in product(models, seeds):
        network = base.replace(**model, seed=seed)
        convolutional = model["model"] == "resnet"
        for third, decays in product(ON_OFF, ON_OFF):
            own = {"batch_norm": third} if convolutional else {"dropout": 0.5 if third else 0.0}
            recipe = network.replace(**own, weight_decay=0.0005 if decays else 0.0)
            yield recipe
            yield recipe.replace(augmentation=augmentation)
            if third == convolutional:  # random labels with batch norm, without dropout
                yield recipe.replace(corruption="random_labels")


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 15 min"),
        "reference": Size(recipes=reference, data="CIFAR-10"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin", "sam_sharpness", "jacobian_norm"),
)
