"""The default: 120 networks of four timm families on digits, clean and corrupted; minutes on two cores.

For each family, corruption and seed a base recipe, and one recipe for each of width, learning rate, weight decay and
train size that differs from the base in that alone: every hyperparameter is varied within every corruption, so that the
granulated coefficient exists there, at five recipes instead of the sixteen of a full grid.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MODELS: Final = ("resnet", "nf_resnet", "vit", "mixer")
CORRUPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    {"corruption": "partial_labels", "corruption_p": 0.5},
    {"corruption": "random_labels"},
)
BASE: Final = Recipe(
    train_size=256, optimizer="adamw", learning_rate=0.003, batch_size=16, max_epochs=150, target_loss=0.01
)
VARIATIONS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"width": 1.5},
    {"learning_rate": 0.0015},
    {"weight_decay": 0.03},
    {"train_size": 384},
)
SEEDS: Final = (0, 1)


def recipes() -> Iterator[Recipe]:
    """The recipes, those of one family together."""
    for model, corruption, variation, seed in product(MODELS, CORRUPTIONS, VARIATIONS, SEEDS):
        yield BASE.replace(model=model, **corruption, **variation, seed=seed)


STUDY: Final = Study(sizes={"small": Size(recipes=recipes, data="digits, in the box", cores="5 min")})
