"""The reference: six families on CIFAR-10, clean and corrupted, in factorials that can decide between measures.

For each family and corruption a full factorial of optimizer, learning rate, width and train size, and around its centre
one of weight decay, batch size and augmentation, at two levels each. Every network of a factorial has neighbours that
differ from it in one hyperparameter alone, so that every coefficient exists within every corruption. Random labels
stand apart, for the randomization gate. A timm model by name has one width, and two seeds in its place. The gap is
measured on half of the test images; the other half is what measures may see.

The networks come in an order in which the first 24, 48, 96, 192 and 384 are smaller factorials over all families and
corruptions, so that a zoo that is not complete can be ranked. The levels are those of a pilot on other seeds:
docs/decisions/0016-the-cifar10-suite.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Final

from zoo.recipe import FAMILIES, Recipe
from zoo.suites.study import Size, Study

Levels = Mapping[str, tuple[Any, Any]]

MODELS: Final = ("nin", "resnet", "nf_resnet", "vit", "mixer", "test_convnext")
CORRUPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    {"corruption": "partial_labels", "corruption_p": 0.25},
    {"corruption": "partial_labels", "corruption_p": 0.5},
    {"shift": "gaussian_noise", "severity": 3, "shift_on": "train"},
)
RANDOM: Final[tuple[dict[str, Any], ...]] = ({"corruption": "random_labels"},)

FACTORIAL: Final[Levels] = {  # the first level is the centre's
    "optimizer": ("adamw", "sgd"), "learning_rate": (0.005, 0.015), "width": (1.5, 3.0), "train_size": (1000, 2000),
}  # fmt: skip
AROUND: Final[Levels] = {"weight_decay": (0.0, 0.3), "batch_size": (32, 128), "augmentation": ("none", "flip")}
SMALL: Final = ("learning_rate", "width", "train_size")
GATE: Final = ("width", "train_size")
BASE: Final = Recipe(
    dataset="cifar10", unlabeled="half_of_test", checkpoints="doubling", max_epochs=200, target_loss=0.01
)
ON_GPU: Final[Levels] = {**FACTORIAL, "width": (4.0, 8.0), "train_size": (12_500, 50_000)}


def small() -> Iterator[Recipe]:
    """Four families, true labels and half of them random: 64 networks."""
    centre = _centre(FACTORIAL, AROUND)
    yield from _factorial(centre, {name: FACTORIAL[name] for name in SMALL}, CORRUPTIONS[::2], MODELS[:4])


def reference() -> Iterator[Recipe]:
    """All families and corruptions: 384 networks, 24 for the gate and 168 around the centre."""
    yield from _all(FACTORIAL)


def full() -> Iterator[Recipe]:
    """The same on up to 50,000 images, with wider networks."""
    yield from _all(ON_GPU)


def _all(factorial: Levels) -> Iterator[Recipe]:
    centre = _centre(factorial, AROUND)
    yield from _factorial(centre, factorial, CORRUPTIONS, MODELS)
    yield from _factorial(centre, {name: factorial[name] for name in GATE}, RANDOM, MODELS)
    around = _factorial(centre, AROUND, CORRUPTIONS, MODELS)
    yield from islice(around, len(CORRUPTIONS) * len(MODELS), None)  # the centres are in the first factorial


def _centre(*factorials: Levels) -> dict[str, Any]:
    return {name: levels[0] for factorial in factorials for name, levels in factorial.items()}


def _factorial(
    centre: Mapping[str, Any], levels: Levels, corruptions: Sequence[Mapping[str, Any]], models: Sequence[str]
) -> Iterator[Recipe]:
    """Every combination of levels, the last named changing first, and for each of them all corruptions and models."""
    for combination in product(*levels.values()):
        choices = {**centre, **dict(zip(levels, combination, strict=True))}
        for corruption, model in product(corruptions, models):
            own = dict(choices)
            if model not in FAMILIES:
                own["seed"] = int(own.pop("width") != centre["width"])
            yield BASE.replace(model=model, **corruption, **own)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="CIFAR-10"),
        "reference": Size(recipes=reference, data="CIFAR-10"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    observations=("error_under_shift",),
)
