"""Double descent: widths, sizes and epochs across the point where noisy labels can just be fitted; pairs of images.

Nakkiran et al. 2020, arXiv:1912.02292; Chen, Wang & Kyrillidis 2021, arXiv:2107.00797, for concatenated inputs. The
small size has networks of one hidden layer of 2 to 128 units on 256 digits, the full one residual networks on CIFAR-10.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

UNITS: Final = (2, 4, 6, 8, 12, 16, 24, 48, 128)
NOISE: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"corruption": "partial_labels", "corruption_p": 0.1},
    {"corruption": "partial_labels", "corruption_p": 0.2},
)
SEEDS: Final = range(4)
BASE: Final = Recipe(
    train_size=256, depth=1, optimizer="adamw", learning_rate=0.003, max_epochs=512, target_loss=0.001,
    checkpoints="doubling",
)  # fmt: skip
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", depth=4, optimizer="adamw", learning_rate=0.0001, batch_size=128,
    augmentation="crop_flip", max_epochs=4096, target_loss=0.0, checkpoints="doubling",
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Widths by noise; at most noise also half the examples, and four rounds of pairs."""
    for units in UNITS:
        recipe = BASE.replace(width=units / 64)
        for noise, seed in product(NOISE, SEEDS):
            yield recipe.replace(**noise, seed=seed)
        for seed in SEEDS:
            yield recipe.replace(**NOISE[-1], train_size=128, seed=seed)
            yield recipe.replace(**NOISE[-1], pairs=4, max_epochs=128, seed=seed)  # four times the steps an epoch


def full() -> Iterator[Recipe]:
    """Widths of 2 to 64 channels by noise, at most noise also half the examples."""
    for channels, noise in product((2, 4, 6, 8, 12, 16, 24, 32, 48, 64), NOISE):
        yield FULL_BASE.replace(width=channels / 8, **noise)
    for channels in (4, 8, 12, 16, 24, 32):
        yield FULL_BASE.replace(width=channels / 8, **NOISE[-1], train_size=25_000)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 2 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("params", "param_norm", "fro_dist", "inverse_margin"),
)
