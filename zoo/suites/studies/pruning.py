"""Pruning: rewound weights or rates against dense training of equal and of full length; a caricature on digits.

Jin, Dziugaite & Carbin 2021: iterative magnitude pruning with rewinding improves generalization, on true and on noisy
labels, and none of its parts, such as the longer training, does so by as much. Three rounds; the share that is removed
is chosen on other seeds, as the paper reports the best one. The paper has residual networks on CIFAR-10 and ImageNet
and ablates more parts.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.recipe_fields import Rewind
from zoo.suites.study import Size, Study

ROUNDS: Final = 3
SHARES: Final = (0.5, 0.9)
REWINDS: Final[tuple[Rewind, ...]] = ("weights", "learning_rate")
NOISE: Final[tuple[dict[str, Any], ...]] = ({}, {"corruption": "partial_labels", "corruption_p": 0.2})
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(
    train_size=256, width=2.0, learning_rate=0.05, schedule="cosine", max_epochs=40, target_loss=0.0
)  # fmt: skip
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=4.0, learning_rate=0.1, schedule="cosine", batch_size=128,
    augmentation="crop_flip", max_epochs=60, target_loss=0.0,
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Dense, longer, and pruned to two levels in two ways, on true and noisy labels, five seeds."""
    yield from _recipes(BASE, 2, SEEDS)


def full() -> Iterator[Recipe]:
    """The same of residual networks on CIFAR-10, three seeds."""
    yield from _recipes(FULL_BASE, 3, range(3))


def _recipes(base: Recipe, rewind_epoch: int, seeds: range) -> Iterator[Recipe]:
    for noise, seed in product(NOISE, seeds):
        dense = base.replace(**noise, seed=seed)
        yield dense
        yield dense.replace(max_epochs=(ROUNDS + 1) * base.max_epochs)
        for share, rewind in product(SHARES, REWINDS):
            yield dense.replace(prune=share, prune_rounds=ROUNDS, rewind=rewind, rewind_epoch=rewind_epoch)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 13 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin"),
)
