"""Models of timm by name on CIFAR-10, their stems fitted to 32 x 32 images; true and partly random labels.

A full factorial of two levels each for every model and condition, so that every network has neighbours that differ from
it in one hyperparameter alone. The small size has the four models that timm makes for its tests and the smallest
MobileNet. The full size also has ResNet-18 and the tiny vision transformer, which take ten times their computation;
there, random labels stand apart, for the randomization gate, and the networks that vary train size alone have a second
seed, so that measures of two networks apply. The gap is measured on half of the test images; the other half is what
measures may see.

Stems are fitted as zoo.models.stems says. The original ones, for images of 224 pixels, leave one or two positions of an
image of 32 pixels to the last stage.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

Levels = Mapping[str, tuple[Any, Any]]

SMALL_MODELS: Final = (
    "test_resnet", "test_vit", "test_efficientnet", "test_convnext", "mobilenetv3_small_050",
)  # fmt: skip
MODELS: Final = (*SMALL_MODELS, "resnet18", "vit_tiny_patch16_224")
CORRUPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    {"corruption": "partial_labels", "corruption_p": 0.2},
    {"corruption": "partial_labels", "corruption_p": 0.4},
)
RANDOM: Final[tuple[dict[str, Any], ...]] = ({"corruption": "random_labels"},)

SMALL: Final[Levels] = {"learning_rate": (0.003, 0.001), "train_size": (64, 128)}
FULL: Final[Levels] = {  # the first level of each is the centre's
    "learning_rate": (0.003, 0.001), "weight_decay": (0.0, 0.05), "train_size": (12_500, 50_000),
}  # fmt: skip
BASE: Final = Recipe(
    dataset="cifar10", unlabeled="half_of_test", model=MODELS[0], stem="fitted", optimizer="adamw", max_epochs=200,
    target_loss=0.05,
)  # fmt: skip
ON_GPU: Final = BASE.replace(batch_size=128, schedule="cosine", target_loss=0.01, checkpoints="doubling")


def small() -> Iterator[Recipe]:
    """Five models, true labels and two fifths of them random: 40 networks."""
    yield from _networks(BASE, SMALL, CORRUPTIONS[::2], SMALL_MODELS)


def full() -> Iterator[Recipe]:
    """Seven models: a factorial of 168 networks, 14 for the gate, and 42 of a second seed."""
    centre = ON_GPU.replace(**{name: levels[0] for name, levels in FULL.items()})
    inner = {"train_size": FULL["train_size"]}
    yield from _networks(ON_GPU, FULL, CORRUPTIONS, MODELS)
    yield from _networks(centre, inner, RANDOM, MODELS)
    yield from _networks(centre.replace(seed=1), inner, CORRUPTIONS, MODELS)


def _networks(
    base: Recipe, levels: Levels, corruptions: Sequence[Mapping[str, Any]], models: Sequence[str]
) -> Iterator[Recipe]:
    for choices in product(*levels.values()):
        recipe = base.replace(**dict(zip(levels, choices, strict=True)))
        for corruption, model in product(corruptions, models):
            yield recipe.replace(model=model, **corruption)


STUDY: Final = Study(
    name="timm",
    sizes={"small": Size(recipes=small, data="CIFAR-10"), "full": Size(recipes=full, data="CIFAR-10")},
)
