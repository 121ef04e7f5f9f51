"""The study of Jiang et al.: network-in-network over seven hyperparameters; a caricature on digits in its small size.

Jiang et al. 2020, arXiv:1912.02178: "Fantastic generalization measures and where to find them". The full size is the
grid of three values each of batch size, dropout, rate, depth, optimizer, decay and width, 2,187 networks trained to a
cross-entropy of 0.01; its optimizers are SGD, SGD with momentum and AdamW. The small one has two centres on digits, and
for each the networks that differ from it in one hyperparameter; the reference size has the same on CIFAR-10 at 16 x 16
pixels. The measures are those of the paper; `--measures all` takes the others as well.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

LEVELS: Final[dict[str, tuple[Any, ...]]] = {
    "batch_size": (16, 32, 64),
    "dropout": (0.0, 0.25, 0.5),
    "learning_rate": (0.5, 1.0, 2.0),  # times the optimizer's own
    "depth": (1, 2, 3),
    "optimizer": ("sgd", "adamw"),
    "weight_decay": (0.0, 0.0001, 0.0005),
    "width": (1.0, 2.0, 3.0),
}
RATE: Final = {"sgd": 0.05, "adamw": 0.003}
CENTRES: Final = (
    {"batch_size": 32, "dropout": 0.0, "learning_rate": 1.0, "depth": 2, "optimizer": "sgd", "weight_decay": 0.0,
     "width": 2.0},
    {"batch_size": 16, "dropout": 0.25, "learning_rate": 1.0, "depth": 2, "optimizer": "adamw",
     "weight_decay": 0.0001, "width": 1.0},
)  # fmt: skip
SMALL_BASE: Final = Recipe(model="nin", train_size=128, max_epochs=300)
FULL_LEVELS: Final[dict[str, tuple[Any, ...]]] = {
    **LEVELS, "batch_size": (32, 64, 128), "depth": (2, 4, 8), "width": (6.0, 12.0, 18.0),
    "optimizer": ("sgd", "adamw", "momentum"),
}  # fmt: skip
FULL_BASE: Final = Recipe(dataset="cifar10", model="nin", max_epochs=500)


REFERENCE_BASE: Final = SMALL_BASE.replace(dataset="cifar10", image_side=16, train_size=1000)


def small() -> Iterator[Recipe]:
    """Two stars of networks, three seeds."""
    yield from _stars(SMALL_BASE, range(3))


def reference() -> Iterator[Recipe]:
    """The same on 1,000 images of CIFAR-10 at 16 x 16 pixels."""
    yield from _stars(REFERENCE_BASE, range(10, 13))


def full() -> Iterator[Recipe]:
    """The grid."""
    for values in product(*FULL_LEVELS.values()):
        yield _recipe(FULL_BASE, dict(zip(FULL_LEVELS, values, strict=True)), 0)


def _stars(base: Recipe, seeds: range) -> Iterator[Recipe]:
    """Each centre, and the networks that differ from it in one hyperparameter."""
    for centre, seed in product(CENTRES, seeds):
        yield _recipe(base, centre, seed)
        for name, values in LEVELS.items():
            for value in values:
                if value != centre[name]:
                    yield _recipe(base, centre | {name: value}, seed)


def _recipe(base: Recipe, choices: dict[str, Any], seed: int) -> Recipe:
    """SGD has momentum only under that name; a rate is a factor of the optimizer's own."""
    optimizer = "adamw" if choices["optimizer"] == "adamw" else "sgd"
    own = {"optimizer": optimizer, "learning_rate": choices["learning_rate"] * RATE[optimizer], "seed": seed}
    if choices["optimizer"] == "sgd":
        own["momentum"] = 0.0
    elif choices["optimizer"] == "momentum":
        own["learning_rate"] /= 10  # a momentum of 0.9 makes steps ten times as long
    return base.replace(**choices | own)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 12 min"),
        "reference": Size(recipes=reference, data="CIFAR-10"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=(
        "vc_dim", "params", "inverse_margin", "cross_entropy", "neg_entropy", "fro_dist", "spec_orig_main",
        "spec_orig_main_fft", "param_norm", "path_norm", "fisher_rao", "sharpness_orig", "pacbayes_orig",
        "sharpness_mag_flatness", "pacbayes_mag_flatness", "steps_to_0_1", "steps_0_1_to_0_01", "grad_noise_final",
    ),
)  # fmt: skip
