"""The suite of `gapbench check`: 48 tiny networks, true and partly random labels; about a minute to train.

For each family and condition a full factorial of width, learning rate and train size, so that every comparison of the
granulated coefficient exists; multilayer perceptrons and networks in network alone, for which nearly every measure is
defined. Random labels stand apart, for the randomization gate, and some networks have a second seed, so that measures
of two networks apply.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MODELS: Final = ("mlp", "nin")
CORRUPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    {"corruption": "partial_labels", "corruption_p": 0.4},
)
RANDOM: Final[tuple[dict[str, Any], ...]] = ({"corruption": "random_labels"},)
TRAIN_SIZES: Final = (48, 128)
FACTORIAL: Final[Mapping[str, tuple[Any, Any]]] = {
    "learning_rate": (0.01, 0.003),
    "width": (0.5, 1.0),  # 1 to 9 thousand parameters: the weights of all of them are shipped
    "train_size": TRAIN_SIZES,
}
BASE: Final = Recipe(
    dataset="digits400", unlabeled="half_of_test", optimizer="adamw", batch_size=16, max_epochs=800, target_loss=0.02,
    checkpoints="fourfold",
)  # fmt: skip


def recipes() -> Iterator[Recipe]:
    """A factorial of 32 networks, 8 for the gate, and 8 of a second seed."""
    grid = [BASE.replace(**dict(zip(FACTORIAL, levels, strict=True))) for levels in product(*FACTORIAL.values())]
    inner = [recipe for recipe in grid if recipe.learning_rate == FACTORIAL["learning_rate"][0]]
    for recipe, corruption, model in (*product(grid, CORRUPTIONS, MODELS), *product(inner, RANDOM, MODELS)):
        yield recipe.replace(model=model, **corruption)
    for size, corruption, model in product(TRAIN_SIZES, CORRUPTIONS, MODELS):
        yield inner[0].replace(train_size=size, model=model, **corruption, seed=1)


STUDY: Final = Study(sizes={"small": Size(recipes=recipes, data="digits, in the box", cores="under 2 min")})
