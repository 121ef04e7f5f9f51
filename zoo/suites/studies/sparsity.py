"""Sparsity: wide and sparse networks against a dense one of equal capacity; of an mlp on digits in its small size.

Timpl et al. 2021, arXiv:2206.10915: the weights that are not zero are as many in all; masks are random, drawn before
training and fixed. Robustness is the accuracy under common corruptions and the rise of the loss under noise on weights.
The paper has convolutional networks on CIFAR-10 and CIFAR-100, and adversarial examples, too.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

DENSE: Final = 0.5  # width of the network whose weights are counted
WIDTHS: Final = (DENSE, 1.0, 2.0, 4.0, 8.0)
SEEDS: Final = range(10, 15)  # the staging was chosen on other seeds
BASE: Final = Recipe(train_size=512, learning_rate=0.05, max_epochs=200)
FULL_BASE: Final = Recipe(dataset="cifar10", learning_rate=0.02, batch_size=128, max_epochs=300)


def small() -> Iterator[Recipe]:
    """Five widths of one capacity, five seeds."""
    for width, seed in product(WIDTHS, SEEDS):
        yield BASE.replace(width=width, sparsity=sparsity_of(width, DENSE, 64), seed=seed)


def full() -> Iterator[Recipe]:
    """Six widths on CIFAR-10, three seeds."""
    for width, seed in product((2.0, 4.0, 8.0, 16.0, 32.0, 64.0), range(3)):
        yield FULL_BASE.replace(width=width, sparsity=sparsity_of(width, 2.0, 3072), seed=seed)


def sparsity_of(width: float, dense: float, num_inputs: int) -> float:
    """Share of an mlp's weights that must be zero for as many others as the dense network has."""
    return round(1 - _weights(dense, num_inputs) / _weights(width, num_inputs), 6)


def _weights(width: float, num_inputs: int) -> float:
    """Weights of an mlp of two hidden layers, 64 units at width 1, for ten classes."""
    hidden = 64 * width
    return hidden * (num_inputs + hidden + 10)


STUDY: Final = Study(
    sizes={
        "small": Size(recipes=small, data="digits, in the box", cores="under 20 min"),
        "full": Size(recipes=full, data="CIFAR-10"),
    },
    measures=("avg_sharpness_mag", "param_norm", "inverse_margin"),
    observations=("error_under_shift",),
)
