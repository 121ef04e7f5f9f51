"""Truncated SGD, a caricature: noise that is the same for all weights, and clipping, then plain SGD to one loss.

Wang, Oh & Rhee 2021, arXiv:2102.04297: clipped heavy-tailed SGD leaves sharp minima. Noise and clipping are each on and
off in a first phase of as many epochs; all four end at the same cross-entropy, at which sharpness can be compared.
Departs from the paper in the noise, which there is a heavy-tailed factor times the difference of the gradients of a
small and a large batch, and in the size of networks and images.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

CLIPPED: Final[dict[str, Any]] = {"clip_norm": 0.5}
HEAVY: Final[dict[str, Any]] = {"noise_scale": 0.001, "noise_tail": 1.4}
PHASES: Final[tuple[dict[str, Any], ...]] = ({}, CLIPPED, HEAVY, CLIPPED | HEAVY)
BASE: Final = Recipe(train_size=256, width=2.0, momentum=0.0, learning_rate=0.1, batch_size=32, max_epochs=400)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, momentum=0.0, learning_rate=0.1, batch_size=100, max_epochs=400
)


def small() -> Iterator[Recipe]:
    """Four first phases, six seeds."""
    yield from _recipes(BASE, 60, range(6))


def full() -> Iterator[Recipe]:
    """The same on CIFAR-10, three seeds."""
    yield from _recipes(FULL_BASE, 250, range(3))


def _recipes(base: Recipe, epochs: int, seeds: range) -> Iterator[Recipe]:
    last = base.replace(target_loss=0.002)
    for phase, seed in product(PHASES, seeds):
        first = base.replace(**phase, max_epochs=epochs, target_loss=0.0, seed=seed)
        yield last.replace(source=first, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("avg_sharpness", "sam_sharpness", "hess_trace", "hess_top", "param_norm"),
    observations=("first_phase",),
)
