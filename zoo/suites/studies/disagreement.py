"""Disagreement: networks that differ in initialization, order, data or all three, pair by pair.

Jiang et al. 2022, arXiv:2106.13799; Nakkiran & Bansal 2020, arXiv:2009.08092. Each base network has four siblings, of
which the first three differ from it in one of the three things and the last in all. Departs from the paper in the data:
there the training sets of a pair that differs in data are disjoint, here they are two draws, which share a tenth.
"""

from collections.abc import Iterator
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

SIBLING: Final = 100  # is added to the seed of what differs; the claims know pairs by it
MODELS: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp", "width": 4.0},
    {"model": "mlp", "width": 4.0, "learning_rate": 0.01},
    {"model": "resnet", "width": 2.0},
)
BASE: Final = Recipe(
    dataset="digits400", unlabeled="half_of_test", train_size=128, learning_rate=0.05, batch_size=16, max_epochs=300
)
FULL_BASE: Final = Recipe(
    dataset="cifar10", unlabeled="half_of_test", train_size=10_000, model="resnet", width=8.0, batch_size=128,
    augmentation="flip", max_epochs=300,
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Five families of five networks for each of three settings."""
    for model in MODELS:
        for seed in range(5):
            yield from family(BASE.replace(**model, seed=seed))


def full() -> Iterator[Recipe]:
    """The paper's 10,000 images of CIFAR-10 and a residual network, over widths, rates and decays."""
    settings: tuple[dict[str, Any], ...] = (
        {}, {"width": 4.0}, {"learning_rate": 0.01}, {"weight_decay": 0.0001}, {"batch_size": 200},
    )  # fmt: skip
    for setting in settings:
        for seed in range(5):
            yield from family(FULL_BASE.replace(**setting, seed=seed))


def family(base: Recipe) -> Iterator[Recipe]:
    """A network and its siblings of another initialization, order, data, and all."""
    own, other = base.seed, base.seed + SIBLING
    yield base
    yield base.replace(init_seed=other)
    yield base.replace(seed=other, init_seed=own, data_seed=own)
    yield base.replace(data_seed=other)
    yield base.replace(seed=other)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("gde_disagreement", "self_gde", "train_ece", "param_norm", "inverse_margin"),
    observations=("test_predictions",),
)
