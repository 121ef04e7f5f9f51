"""The default: 176 networks of four timm families on digits, true and partly random labels; minutes on two cores.

For each family and condition a full factorial of augmentation, learning rate, width and train size at two levels each:
every network has neighbours that differ from it in one hyperparameter alone, so that the granulated coefficient exists
within every condition. Random labels stand apart, for the randomization gate. The networks that vary width and train
size alone have a second seed, so that measures of two networks apply. The gap is measured on half of the test images;
the other half is what measures may see. The levels are those of a pilot on other seeds:
docs/decisions/0019-the-digits-suite-as-a-factorial.md.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MODELS: Final = ("resnet", "nf_resnet", "vit", "mixer")
CORRUPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    {"corruption": "partial_labels", "corruption_p": 0.3},
)
RANDOM: Final[tuple[dict[str, Any], ...]] = ({"corruption": "random_labels"},)
FACTORIAL: Final[Mapping[str, tuple[Any, Any]]] = {  # of those outside the inner factorial, the first level is its
    "augmentation": ("none", "flip"), "learning_rate": (0.007, 0.002), "width": (1.0, 2.0), "train_size": (96, 320),
}  # fmt: skip
INNER: Final = ("width", "train_size")
BASE: Final = Recipe(
    dataset="digits400", unlabeled="half_of_test", optimizer="adamw", batch_size=32, max_epochs=500, target_loss=0.01,
    checkpoints="doubling",
)  # fmt: skip


def recipes() -> Iterator[Recipe]:
    """A factorial of 128 networks, 16 for the gate, and 32 of a second seed."""
    grid = [BASE.replace(**dict(zip(FACTORIAL, levels, strict=True))) for levels in product(*FACTORIAL.values())]
    inner = [
        recipe
        for recipe in grid
        if all(getattr(recipe, name) == levels[0] for name, levels in FACTORIAL.items() if name not in INNER)
    ]
    for recipe, corruption, model in (*product(grid, CORRUPTIONS, MODELS), *product(inner, RANDOM, MODELS)):
        yield recipe.replace(model=model, **corruption)
    for recipe, corruption, model in product(inner, CORRUPTIONS, MODELS):
        yield recipe.replace(model=model, **corruption, seed=1)


STUDY: Final = Study(sizes={"small": Size(recipes=recipes, data="digits, in the box", cores="5 min")})
