"""Label noise in SGD: labels drawn at each step, over learning rates, against the same training without noise.

Damian, Ma & Lee 2021, arXiv:2106.06530: such noise leads to minima where the Hessian has a small trace, the more so at
large rates. No momentum; the same number of epochs for all. Two halves. For the trace: squared error from a fresh
start, so that there are minima. For the test accuracy: cross-entropy from minimizers that generalize badly, as in the
paper, here from fitted random labels of five copies of every image with a tenth of the pixels zeroed.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

NOISE: Final = (0.0, 0.2)
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(
    train_size=128, loss="squared_error", momentum=0.0, batch_size=16, width=2.0, max_epochs=600, target_loss=0.0
)
RATES: Final = (0.02, 0.05, 0.1)
BAD_START: Final[dict[str, Any]] = {"pretrain_copies": 5, "pretrain_erasure": 0.1, "pretrain_epochs": 300}
BAD_BASE: Final = Recipe(train_size=256, momentum=0.0, width=8.0, max_epochs=600, target_loss=0.0, **BAD_START)
BAD_RATES: Final = (0.05, 0.1)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, loss="squared_error", momentum=0.0, batch_size=256, max_epochs=1000,
    target_loss=0.0,
)  # fmt: skip
FULL_RATES: Final = (0.1, 0.3, 0.5, 1.0)
FULL_BAD_RATES: Final = (0.1, 0.5)


def small() -> Iterator[Recipe]:
    """Three rates on squared error, two on cross-entropy, with and without noise, five seeds."""
    yield from _halves(BASE, RATES, BAD_BASE, BAD_RATES, SEEDS)


def full() -> Iterator[Recipe]:
    """Four and two rates on CIFAR-10, three seeds."""
    bad = FULL_BASE.replace(loss="cross_entropy", **BAD_START)
    yield from _halves(FULL_BASE, FULL_RATES, bad, FULL_BAD_RATES, range(3))


def _halves(
    base: Recipe, rates: tuple[float, ...], bad: Recipe, bad_rates: tuple[float, ...], seeds: range
) -> Iterator[Recipe]:
    for half, own in ((base, rates), (bad, bad_rates)):
        for rate, noise, seed in product(own, NOISE, seeds):
            yield half.replace(learning_rate=rate, label_resampling=noise, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("hess_trace", "param_norm", "fro_dist"),
    observations=("squared_error_trace",),
)
