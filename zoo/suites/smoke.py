"""A first look: 12 small networks, true and random labels, seconds on two cores."""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.corruptions import Corruption
from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

BASE: Final = Recipe(
    dataset="digits400", unlabeled="half_of_test", train_size=128, learning_rate=0.01, batch_size=16, max_epochs=300,
    target_loss=0.02,
)  # fmt: skip
CORRUPTIONS: Final[tuple[Corruption, ...]] = ("true_labels", "random_labels")


def recipes() -> Iterator[Recipe]:
    """Three shapes of network by two corruptions by two seeds."""
    for corruption, seed in product(CORRUPTIONS, (0, 1)):
        condition = BASE.replace(corruption=corruption, seed=seed)
        yield condition.replace(model="mlp")
        yield condition.replace(model="mlp", width=2.0)
        yield condition.replace(model="resnet")


STUDY: Final = Study(sizes={"small": Size(recipes=recipes, data="digits, in the box", cores="under 1 min")})
