"""Double descent over widths, sizes, epochs and pairs of images; a caricature on digits in its small size.

Nakkiran et al. 2020, arXiv:1912.02292; Chen, Wang & Kyrillidis 2021, arXiv:2107.00797, for concatenated inputs. The
small size is a digits-sized stand-in for their residual networks: one hidden layer of 8 to 512 units on 1,024 digits
with squared error, 1,000 epochs without a stop; parameters meet examples times classes at about 140 units. The full
one has residual networks on CIFAR-10. An earlier staging of 2 to 128 units on 256 digits stopped at a loss of 0.001:
nearly all of its widths interpolated.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

UNITS: Final = (8, 12, 20, 32, 48, 64, 96, 144, 256, 512)
NOISE: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"corruption": "partial_labels", "corruption_p": 0.1},
    {"corruption": "partial_labels", "corruption_p": 0.2},
)
SEEDS: Final = range(10, 14)  # the staging was chosen on other seeds
BASE: Final = Recipe(
    train_size=1024, depth=1, loss="squared_error", optimizer="adamw", learning_rate=0.003, batch_size=256,
    max_epochs=1000, target_loss=0.0, checkpoints="doubling",
)  # fmt: skip
FULL_BASE: Final = Recipe(
    dataset="cifar10", model="resnet", depth=4, optimizer="adamw", learning_rate=0.0001, batch_size=128,
    augmentation="crop_flip", max_epochs=4096, target_loss=0.0, checkpoints="doubling",
)  # fmt: skip


def small() -> Iterator[Recipe]:
    """Widths by noise; at most noise also half the examples, and four rounds of pairs."""
    for units, seed in product(UNITS, SEEDS):
        yield from _at(BASE.replace(width=units / 64, seed=seed), half=512)


def full() -> Iterator[Recipe]:
    """The same on CIFAR-10, widths of 2 to 64 channels, three seeds."""
    for channels, seed in product((2, 4, 6, 8, 12, 16, 24, 32, 48, 64), range(3)):
        yield from _at(FULL_BASE.replace(width=channels / 8, seed=seed), half=25_000)


def _at(recipe: Recipe, half: int) -> Iterator[Recipe]:
    """The networks of one width and seed."""
    for noise in NOISE:
        yield recipe.replace(**noise)
    yield recipe.replace(**NOISE[-1], train_size=half)
    yield recipe.replace(**NOISE[-1], pairs=4, max_epochs=recipe.max_epochs // 4)  # four times the steps an epoch


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("params", "param_norm", "fro_dist", "inverse_margin"),
)
