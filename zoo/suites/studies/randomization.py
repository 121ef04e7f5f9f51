"""Randomization: true, partly and fully random labels, shuffled, random and Gaussian pixels, the same settings for all.

Zhang et al. 2017, arXiv:1611.03530, sec. 2; 2021, doi:10.1145/3446776: what fits everything cannot be explained by what
it can fit. The small size has a plain and a convolutional network on digits, the full one the first author's residual
network and a plain one on CIFAR-10.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

CONDITIONS: Final[tuple[dict[str, Any], ...]] = (
    {"corruption": "true_labels"},
    *({"corruption": "partial_labels", "corruption_p": p} for p in (0.2, 0.4, 0.6, 0.8)),
    {"corruption": "random_labels"},
    {"corruption": "shuffled_pixels"},
    {"corruption": "random_pixels"},
    {"corruption": "gaussian"},
)
MODELS: Final[tuple[dict[str, Any], ...]] = ({"model": "mlp", "width": 8.0}, {"model": "resnet", "width": 2.0})
BASE: Final = Recipe(train_size=256, learning_rate=0.05, max_epochs=400)
FULL: Final[tuple[dict[str, Any], ...]] = (
    {"model": "mlp", "width": 8.0, "depth": 1},
    {"model": "resnet", "width": 8.0},
)
FULL_BASE: Final = Recipe(dataset="cifar10", learning_rate=0.1, schedule="exponential", batch_size=128, max_epochs=300)


def small() -> Iterator[Recipe]:
    """Two networks under nine conditions, four seeds."""
    for model, condition, seed in product(MODELS, CONDITIONS, range(4)):
        yield BASE.replace(**model, **condition, seed=seed)


def full() -> Iterator[Recipe]:
    """The same on CIFAR-10, three seeds."""
    for model, condition, seed in product(FULL, CONDITIONS, range(3)):
        yield FULL_BASE.replace(**model, **condition, seed=seed)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 6 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=(
        "fro_dist", "param_norm", "path_norm", "prod_of_spec", "inverse_margin", "fisher_rao", "jacobian_norm",
        "coherence", "grad_noise_final", "sam_sharpness",
    ),
)  # fmt: skip
