"""The suite of `gapbench check`: 48 tiny networks, three kinds of labels; about a minute to train.

A full grid of family, width and learning rate within each corruption, so that every comparison of the granulated
coefficient exists; multilayer perceptrons and networks in network alone, for which nearly every measure is defined.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MODELS: Final = ("mlp", "nin")
WIDTHS: Final = (0.5, 1.0)  # 1 to 9 thousand parameters: the weights of all of them are shipped
LEARNING_RATES: Final = (0.003, 0.01)
CORRUPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    {"corruption": "partial_labels", "corruption_p": 0.5},
    {"corruption": "random_labels"},
)
SEEDS: Final = (0, 1)
BASE: Final = Recipe(train_size=128, optimizer="adamw", batch_size=16, max_epochs=400, target_loss=0.02)


def recipes() -> Iterator[Recipe]:
    """The recipes, those of one shape together."""
    for model, width, rate, corruption, seed in product(MODELS, WIDTHS, LEARNING_RATES, CORRUPTIONS, SEEDS):
        yield BASE.replace(model=model, width=width, learning_rate=rate, **corruption, seed=seed)


STUDY: Final = Study(sizes={"small": Size(recipes=recipes, data="digits, in the box", cores="under 2 min")})
