"""Vector scaling: logits multiplied by class, on long-tailed training sets, past zero training error; of an mlp.

Kini et al. 2021, arXiv:2103.01550: deep in the terminal phase of training multiplicative adjustments of the logits
move the margins towards the rare classes, and so lower the balanced error. Departs from the paper, on CIFAR-10 and
CIFAR-100 with residual networks, in networks and images; additive adjustments and re-weighting are not staged.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

IMBALANCES: Final = (10.0, 50.0)
GAMMAS: Final = (0.0, 0.15, 0.3)
SEEDS: Final = range(10, 16)  # the staging was chosen on other seeds
BASE: Final = Recipe(train_size=1024, width=2.0, learning_rate=0.02, batch_size=16, max_epochs=200, target_loss=0.0)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, learning_rate=0.05, batch_size=128, augmentation="crop_flip",
    max_epochs=200, target_loss=0.0,
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Two ratios of the classes, three exponents, six seeds."""
    for imbalance, gamma, seed in product(IMBALANCES, GAMMAS, SEEDS):
        yield BASE.replace(imbalance=imbalance, vector_scaling=gamma, seed=seed)


def full() -> Iterator[Recipe]:
    """Ratios of 10 and 100 on CIFAR-10, three seeds."""
    for imbalance, gamma, seed in product((10.0, 100.0), GAMMAS, range(3)):
        yield FULL_BASE.replace(imbalance=imbalance, vector_scaling=gamma, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 8 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "inverse_margin", "fro_dist"),
    observations=("balanced_error",),
)
