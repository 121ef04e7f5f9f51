"""The reference: six families on CIFAR-10, clean and corrupted, in factorials that can decide between measures.

For each family and corruption a full factorial of augmentation, learning rate, width and train size at two levels each,
and around its centre, for both train sizes, one of batch size and weight decay, and SGD in place of AdamW. Every
network has neighbours that differ from it in one hyperparameter alone, so that every coefficient exists within every
corruption. Random labels stand apart, for the randomization gate. A timm model by name has one width, and two seeds in
its place; of the families the networks that vary width and train size alone have a second seed, so that measures of two
networks apply. The gap is measured on half of the test images; the other half is what measures may see.

The networks come in an order in which the first 24, 48, 96, 192 and 384 are smaller factorials over all families and
corruptions, so that a zoo that is not complete can be ranked. The levels are those of a pilot on other seeds:
docs/decisions/0016-the-cifar10-suite.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES
from zoo.suites.study import Size, Study

Levels = Mapping[str, tuple[Any, Any]]

MODELS: Final = ("nin", "resnet", "nf_resnet", "vit", "mixer", "test_convnext")
CORRUPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    {"corruption": "partial_labels", "corruption_p": 0.2},
    {"corruption": "partial_labels", "corruption_p": 0.4},
    {"shift": "gaussian_noise", "severity": 3, "shift_on": "train"},
)
RANDOM: Final[tuple[dict[str, Any], ...]] = ({"corruption": "random_labels"},)

FACTORIAL: Final[Levels] = {  # the first level of each is the centre's
    "augmentation": ("none", "flip"), "learning_rate": (0.006, 0.002), "width": (2.0, 4.0), "train_size": (1000, 2000),
}  # fmt: skip
AROUND: Final[tuple[Levels, ...]] = (
    {"batch_size": (32, 128), "weight_decay": (0.0, 0.05)},
    {"optimizer": ("adamw", "sgd")},
)
BASE: Final = Recipe(
    dataset="cifar10", unlabeled="half_of_test", optimizer="adamw", schedule="cosine", max_epochs=200, target_loss=0.01,
    checkpoints="doubling",
)  # fmt: skip
ON_GPU: Final[Levels] = {**FACTORIAL, "width": (4.0, 8.0), "train_size": (12_500, 50_000)}


def small() -> Iterator[Recipe]:
    """Four families, true labels and a fifth of them random: 64 networks."""
    levels = _only(FACTORIAL, "learning_rate", "width", "train_size")
    yield from _networks(_centre(FACTORIAL), levels, CORRUPTIONS[:2], MODELS[:4])


def reference() -> Iterator[Recipe]:
    """A factorial of 384 networks, 24 for the gate, 192 around the centre, and 80 of another seed."""
    yield from _all(FACTORIAL)


def shipped() -> Iterator[Recipe]:
    """Networks of the reference whose weights ship for `gapbench check`: widths and train sizes, some for the gate."""
    centre = _centre(FACTORIAL)
    yield from _networks(centre, _only(FACTORIAL, "width", "train_size"), CORRUPTIONS[::2])
    yield from _networks(centre, {}, RANDOM, MODELS[:-1])


def full() -> Iterator[Recipe]:
    """The same on up to 50,000 images, with wider networks."""
    yield from _all(ON_GPU)


def _all(factorial: Levels) -> Iterator[Recipe]:
    centre = _centre(factorial)
    done = dict.fromkeys(_networks(centre, factorial))
    yield from done
    yield from _networks(centre, _only(factorial, "width", "train_size"), RANDOM)
    for varied in AROUND:
        networks = _networks(centre, {**varied, **_only(factorial, "train_size")})
        yield from (recipe for recipe in networks if recipe not in done)
    inner = _networks(centre, _only(factorial, "width", "train_size"))
    yield from (recipe.replace(seed=1) for recipe in inner if recipe.model in FAMILIES)


def _centre(factorial: Levels) -> Recipe:
    return BASE.replace(**{name: levels[0] for name, levels in factorial.items()})


def _networks(
    centre: Recipe,
    levels: Levels,
    corruptions: Sequence[Mapping[str, Any]] = CORRUPTIONS,
    models: Sequence[str] = MODELS,
) -> Iterator[Recipe]:
    """Every combination of levels, the last named changing first, and for each of them all corruptions and models."""
    for choices in product(*levels.values()):
        recipe = centre.replace(**dict(zip(levels, choices, strict=True)))
        for corruption, model in product(corruptions, models):
            if model in FAMILIES:
                yield recipe.replace(model=model, **corruption)
            else:
                yield recipe.replace(model=model, width=1.0, seed=int(recipe.width != centre.width), **corruption)


def _only(levels: Levels, *names: str) -> Levels:
    return {name: levels[name] for name in names}


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="CIFAR-10"),
        "reference": Size(recipes=reference, data="CIFAR-10"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    observations=("error_under_shift",),
)
