"""Truncated SGD: heavy-tailed noise and clipping, each on and off, then plain SGD to one loss; of a few digits.

Wang, Oh & Rhee 2021, arXiv:2102.04297: clipped heavy-tailed SGD leaves sharp minima. The noise is theirs: a Pareto
factor times the difference of the gradients of a small and of a large batch. A convolutional network, a fifth of the
labels replaced. All four have a first phase of as many steps, which follow small batches of one size, and end at the
same cross-entropy, at which sharpness can be compared. Departs from the paper in the size of networks and images. An
earlier staging had noise on every coordinate of an mlp.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

CLIPPED: Final[dict[str, Any]] = {"clip_norm": 0.5}
LARGE: Final = 6  # small batches in a large one
PHASES: Final = tuple(product((False, True), (False, True)))  # heavy-tailed noise, clipping
SEEDS: Final = range(10, 16)  # the staging was chosen on other seeds
BASE: Final = Recipe(
    model="nin", train_size=300, corruption="partial_labels", corruption_p=0.2, momentum=0.0, learning_rate=0.1,
    batch_size=25, max_epochs=400,
)  # fmt: skip
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, corruption="partial_labels", corruption_p=0.2, momentum=0.0,
    learning_rate=0.1, batch_size=100, max_epochs=400,
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Four first phases of 1,200 steps, six seeds."""
    yield from _recipes(BASE, 100, SEEDS)


def full() -> Iterator[Recipe]:
    """The same on CIFAR-10, 125,000 steps, three seeds."""
    yield from _recipes(FULL_BASE, 250, range(3))


def _recipes(base: Recipe, epochs: int, seeds: range) -> Iterator[Recipe]:
    noise: dict[str, Any] = {"noise_scale": 0.5, "noise_tail": 1.4, "noise_batch": base.batch_size}
    heavy = noise | {"batch_size": LARGE * base.batch_size, "max_epochs": LARGE * epochs}
    for (noisy, clipped), seed in product(PHASES, seeds):
        first = base.replace(max_epochs=epochs, target_loss=0.0, seed=seed)
        first = first.replace(**(heavy if noisy else {}) | (CLIPPED if clipped else {}))
        yield base.replace(source=first, target_loss=0.002, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("avg_sharpness", "sam_sharpness", "hess_trace", "hess_top", "param_norm"),
    observations=("first_phase",),
)
