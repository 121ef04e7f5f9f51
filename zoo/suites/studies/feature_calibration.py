"""Feature calibration: one class is mislabelled as another at six rates, and fitted by interpolants of three kinds.

Nakkiran & Bansal 2020, arXiv:2009.08092: "Distributional generalization". The small size mislabels the digit 3 as 5,
the full one dogs as cats.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

RATES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
MODELS: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp", "width": 8.0, "learning_rate": 0.05, "max_epochs": 300},
    {"model": "resnet", "width": 2.0, "learning_rate": 0.05, "max_epochs": 300},
    {"model": "kernel_gaussian"},
)
FULL: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp", "width": 8.0, "learning_rate": 0.01, "batch_size": 128},
    {"model": "resnet", "width": 8.0, "batch_size": 128},
    {"model": "kernel_gaussian", "train_size": 10_000},  # whose matrix takes 0.8 GB
)


def small() -> Iterator[Recipe]:
    """Three networks, six rates, three seeds."""
    for model, rate, seed in product(MODELS, RATES, range(3)):
        yield Recipe(train_size=800, class_noise=_noise(3, 5, rate), seed=seed, **model)


def full() -> Iterator[Recipe]:
    """Dogs (5) as cats (3) of CIFAR-10, three seeds."""
    for model, rate, seed in product(FULL, RATES, range(3)):
        yield Recipe(dataset="cifar10", class_noise=_noise(5, 3, rate), seed=seed, **model)


def _noise(source: int, target: int, rate: float) -> tuple[tuple[int, int, float], ...]:
    return ((source, target, rate),) if rate else ()


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 3 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("label_surprise", "inverse_margin", "train_ece", "param_norm"),
    observations=("feature_calibration",),
)
