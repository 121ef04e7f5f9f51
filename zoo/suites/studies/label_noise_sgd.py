"""Label noise in SGD: labels drawn at each step, over learning rates, against the same training without noise.

Damian, Ma & Lee 2021, arXiv:2106.06530: such noise leads to minima where the Hessian has a small trace, the more so at
large rates. Squared error, so that there are minima; no momentum; the same number of epochs for all.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

NOISE: Final = (0.0, 0.2)
BASE: Final = Recipe(
    train_size=128, loss="squared_error", momentum=0.0, batch_size=16, width=2.0, max_epochs=600, target_loss=0.0
)
RATES: Final = (0.02, 0.05, 0.1)
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", width=8.0, loss="squared_error", momentum=0.0, batch_size=256, max_epochs=1000,
    target_loss=0.0,
)  # fmt: skip
FULL_RATES: Final[tuple[dict[str, Any], ...]] = tuple({"learning_rate": rate} for rate in (0.1, 0.3, 0.5, 1.0))


def small() -> Iterator[Recipe]:
    """Three rates with and without noise, five seeds."""
    for rate, noise, seed in product(RATES, NOISE, range(5)):
        yield BASE.replace(learning_rate=rate, label_resampling=noise, seed=seed)


def full() -> Iterator[Recipe]:
    """Four rates on CIFAR-10, three seeds."""
    for rate, noise, seed in product(FULL_RATES, NOISE, range(3)):
        yield FULL_BASE.replace(**rate, label_resampling=noise, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 3 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("hess_trace", "param_norm", "fro_dist"),
    observations=("squared_error_trace",),
)
