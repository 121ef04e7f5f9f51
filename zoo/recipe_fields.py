"""Declare what a recipe can choose from, and what the rest of the code must know of each of its fields."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Optimizer = Literal["sgd", "adamw"]
Loss = Literal["cross_entropy", "squared_error"]
Schedule = Literal["constant", "linear", "cosine", "step", "exponential"]
DataOrder = Literal["full", "none", "corgipile", "corgi2"]
Augmentation = Literal["none", "crop", "flip", "crop_flip"]
Rewind = Literal["weights", "learning_rate"]
Checkpoints = Literal["none", "doubling", "fourfold"]
Stem = Literal["none", "fitted"]

FAMILIES: Final = {
    "mlp": "plain ReLU network on the flattened image, Flatten-Linear-ReLU-...-Linear",
    "nin": "network in network: per block a 3x3 convolution of stride 2 and two 1x1 convolutions, batch norm, ReLU",
    "resnet": "timm ResNet of basic blocks with batch norm, 3x3 stem without pooling",
    "nf_resnet": "timm NF-ResNet: pre-activation bottlenecks, weight standardization, no normalization layer",
    "vit": "timm vision transformer, 4 x 4 patches",
    "mixer": "timm MLP-Mixer, 4 x 4 patches",
}

SOLVED: Final = {
    "theorem1": "the two-layer ReLU network with 2n + d weights of Zhang et al. 2017, Theorem 1",
    "kernel_gaussian": "Gaussian kernel on pixels, bandwidth `width` times the median distance",
    "kernel_conv": "Gaussian kernel on 64 x `width` random convolutional features of 3x3 pixels, pooled to 4 x 4",
    "kernel_patches": "Gaussian kernel on 64 x `width` random features of whitened 6x6 patches, pooled to 2 x 2",
    "kernel_gabor": "Gaussian kernel on the moduli of Gabor wavelets, pooled to 4 x 4",
    "random_features": "linear regression on 64 x `width` random ReLU features",
    "least_squares": "linear regression on the pixels, of least norm or with a ridge",
    "gradient_descent": "linear regression on the pixels after `max_epochs` full-batch steps from zero",
    "max_margin": "hard-margin support vector machine on the pixels, without a bias",
}  # solved instead of trained, see zoo.models.closed_form
KERNELS: Final = tuple(name for name in SOLVED if name.startswith("kernel_"))
LINEAR: Final = ("least_squares", "gradient_descent", "max_margin")  # in the pixels themselves


@dataclass(frozen=True, slots=True)
class Range:
    """Values that a field may have.

    Attributes:
        must: how a refusal says it, after "must".
        holds: whether a value is one of them.
    """

    must: str
    holds: Callable[[Any], bool]


POSITIVE: Final = Range("be positive", lambda value: 0 < value < math.inf)
POSITIVE_OR_NONE: Final = Range("be positive or None", lambda value: value is None or value > 0)
AT_LEAST_ZERO: Final = Range("be at least 0", lambda value: value >= 0)
AT_LEAST_ONE: Final = Range("be at least 1", lambda value: value >= 1)
BELOW_ONE: Final = Range("lie in [0, 1)", lambda value: 0 <= value < 1)
PROBABILITY: Final = Range("lie in [0, 1]", lambda value: 0 <= value <= 1)
SHARE: Final = Range("lie in (0, 1]", lambda value: 0 < value <= 1)
STABLE_TAIL: Final = Range("lie in (0, 2]", lambda value: 0 < value <= 2)  # noqa: PLR2004  2 is Gaussian

Redrawn = Literal["rate", "share", "count", "seed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Properties of a field of a recipe.

    Attributes:
        within: the values that it may have; None where another check decides.
        shared: whether it is equal for all networks of a fleet.
        pretraining: whether pretraining takes it from the recipe, as it takes what a fleet shares.
        solved: whether it means something for what is solved instead of trained.
        redrawn: how a held-out zoo draws it; None if it stays.
    """

    within: Range | None = None
    shared: bool = False
    pretraining: bool = False
    solved: bool = False
    redrawn: Redrawn | None = None


PLAIN: Final = Traits()


def traits(
    within: Range | None = None,
    *,
    shared: bool = False,
    pretraining: bool = False,
    solved: bool = False,
    redrawn: Redrawn | None = None,
) -> dict[str, Traits]:
    """Metadata of a field of a dataclass that hold its `Traits`."""
    about = Traits(within=within, shared=shared, pretraining=shared or pretraining, solved=solved, redrawn=redrawn)
    return {"traits": about}


def traits_of(kind: type) -> Mapping[str, Traits]:
    """Traits of every field of a dataclass, by name."""
    return {each.name: each.metadata.get("traits", PLAIN) for each in dataclasses.fields(kind)}
