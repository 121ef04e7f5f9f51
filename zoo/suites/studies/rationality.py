"""Rationality, a caricature: linear heads on features learned from other labels, not self-supervised; whole networks.

Bansal, Kaplun & Barak 2021, arXiv:2010.08508. The paper's representations are self-supervised; here they are learned on
other classes: digits 0 to 4, and then a head for 5 to 9. A twentieth of the labels is wrong.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

OLD: Final = (0, 1, 2, 3, 4)
NEW: Final = (5, 6, 7, 8, 9)
NOISE: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"corruption": "partial_labels", "corruption_p": 0.0625},  # of five classes: a twentieth of the labels is wrong
)


def small() -> Iterator[Recipe]:
    """A plain network, its head alone and whole, eight seeds."""
    base = Recipe(train_size=600, learning_rate=0.05, max_epochs=200)
    yield from _recipes(base, ("5",), range(8))


def full() -> Iterator[Recipe]:
    """A residual network on CIFAR-10, three seeds."""
    base = Recipe(dataset="cifar10", model="resnet", width=8.0, learning_rate=0.1, batch_size=128, max_epochs=200)
    yield from _recipes(base, ("fc",), range(3))


def _recipes(base: Recipe, head: tuple[str, ...], seeds: range) -> Iterator[Recipe]:
    for noise, seed in product(NOISE, seeds):
        source = base.replace(classes=OLD, seed=seed)
        whole = base.replace(classes=NEW, **noise, seed=seed)
        yield whole
        yield whole.replace(source=source, tuned_layers=head, max_epochs=50)  # a head hardly moves after that


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("param_norm", "fro_dist", "inverse_margin", "head_norm"),
    observations=("under_noise",),
)
