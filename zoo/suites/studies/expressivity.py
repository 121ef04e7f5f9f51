"""Expressivity: the two-layer ReLU network with 2n + d weights that fits any labels, solved in closed form.

Zhang et al. 2017, arXiv:1611.03530, theorem 1, under each of their conditions and at several n.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

CONDITIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    {"corruption": "partial_labels", "corruption_p": 0.5},
    {"corruption": "random_labels"},
    {"corruption": "shuffled_pixels"},
    {"corruption": "random_pixels"},
    {"corruption": "gaussian"},
)


def small() -> Iterator[Recipe]:
    """Three sizes of the digits under six conditions, four seeds."""
    yield from _recipes("digits", (64, 128, 256))


def full() -> Iterator[Recipe]:
    """The same of CIFAR-10, larger."""
    yield from _recipes("cifar10", (256, 1024, 4096))


def _recipes(dataset: str, sizes: tuple[int, ...]) -> Iterator[Recipe]:
    for size, condition, seed in product(sizes, CONDITIONS, range(4)):
        yield Recipe(dataset=dataset, model="theorem1", train_size=size, **condition, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 1 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("params", "fro_dist", "param_norm", "inverse_margin"),
    observations=("sizes",),
)
