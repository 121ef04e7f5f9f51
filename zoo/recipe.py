"""Recipe: every choice that decides a training run, and the run_id that follows from it."""

import dataclasses
import difflib
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, get_args

from zoo.corruptions import CommonCorruption, Corruption, ShiftOn, require_corruption, require_shift

Optimizer = Literal["sgd", "adamw"]

FAMILIES: Final = {
    "mlp": "plain ReLU network on the flattened image, Flatten-Linear-ReLU-...-Linear",
    "resnet": "timm ResNet of basic blocks with batch norm, 3x3 stem without pooling",
    "nf_resnet": "timm NF-ResNet: pre-activation bottlenecks, weight standardization, no normalization layer",
    "vit": "timm vision transformer, 4 x 4 patches",
    "mixer": "timm MLP-Mixer, 4 x 4 patches",
}

SOLVED: Final = {
    "theorem1": "the two-layer ReLU network with 2n + d weights of Zhang et al. 2017, Theorem 1",
    "kernel_gaussian": "Gaussian kernel on pixels, bandwidth `width` times the median distance",
    "kernel_conv": "Gaussian kernel on 64 x `width` random convolutional features of 3x3 pixels, pooled to 4 x 4",
    "random_features": "linear regression on 64 x `width` random ReLU features",
}  # solved instead of trained, see zoo.closed_form

TRAINING_FIELDS: Final = (
    "depth", "optimizer", "learning_rate", "momentum", "batch_size", "max_epochs", "target_loss",
)  # fmt: skip  # mean nothing for what is solved


class UnknownModel(LookupError):  # noqa: N818  reads as what it is
    """Neither a family in the box nor a timm model has this name; the message suggests those that come near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every choice that decides a training run.

    Attributes:
        dataset: name of the image set, see `gapbench list datasets`.
        train_size: training examples, a stratified subset; all of them if None.
        corruption: what is done to the data, the conditions of Zhang et al. 2017.
        corruption_p: for "partial_labels", the probability that a label is replaced by a uniformly random class.
        shift: a common corruption of the images, Hendrycks & Dietterich 2019, after the condition; none if None.
        severity: of the shift, 1 to 5; 0 without one.
        shift_on: which images the shift changes.
        model: a family of `FAMILIES`, sized to the image, one of `SOLVED`, or the name of any timm model.
        width: multiplies the channels of a family; see `SOLVED` for those; 1 for a timm model by name.
        depth: blocks or hidden layers of a family; 2 for a timm model by name.
        optimizer: SGD with momentum or AdamW, as torch.optim defines them.
        learning_rate: constant over the run.
        momentum: of SGD; AdamW has its own betas (0.9, 0.999).
        weight_decay: L2 term of the gradient in SGD, decoupled in AdamW; the ridge of what is solved.
        batch_size: examples a step; the last, smaller batch of an epoch is dropped.
        max_epochs: the run ends here if the target was not reached.
        target_loss: training cross-entropy in nats, in eval mode over all training examples, at which the run ends.
        seed: decides initialization, data order, subset and corruption, each through a stream of its own.

    Raises:
        ValueError: a choice that is impossible or that contradicts another; the message names the fields.
        UnknownModel: no such model.
    """

    dataset: str = "digits"
    train_size: int | None = None
    corruption: Corruption = "true_labels"
    corruption_p: float = 0.0
    shift: CommonCorruption | None = None
    severity: int = 0
    shift_on: ShiftOn = "both"
    model: str = "mlp"
    width: float = 1.0
    depth: int = 2
    optimizer: Optimizer = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    batch_size: int = 32
    max_epochs: int = 200
    target_loss: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        require_corruption(self.corruption, self.corruption_p)
        require_shift(self.shift, self.severity, self.shift_on, self.corruption)
        _require(self.optimizer in get_args(Optimizer), "optimizer", self.optimizer, _one_of(Optimizer))
        _require(bool(self.dataset.strip()), "dataset", self.dataset, "name an image set")
        _require(
            self.train_size is None or self.train_size >= 1, "train_size", self.train_size, "be at least 1 or None"
        )
        _require(self.width > 0 and math.isfinite(self.width), "width", self.width, "be positive")
        _require(self.depth >= 1, "depth", self.depth, "be at least 1")
        _require(
            self.learning_rate > 0 and math.isfinite(self.learning_rate),
            "learning_rate",
            self.learning_rate,
            "be positive",
        )
        _require(0 <= self.momentum < 1, "momentum", self.momentum, "lie in [0, 1)")
        _require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "be at least 0")
        _require(self.batch_size >= 1, "batch_size", self.batch_size, "be at least 1")
        _require(self.max_epochs >= 1, "max_epochs", self.max_epochs, "be at least 1")
        _require(self.target_loss >= 0, "target_loss", self.target_loss, "be at least 0")
        if self.corruption == "partial_labels" and self.corruption_p == 0:
            raise ValueError("corruption_p must be above 0 with corruption='partial_labels'; got 0. Use 'true_labels'.")
        if self.model in SOLVED:
            self._check_solved()
            return
        if self.train_size is not None and self.train_size < self.batch_size:
            raise ValueError(
                f"batch_size must be at most train_size; got batch_size={self.batch_size} with "
                f"train_size={self.train_size}."
            )
        if self.model not in FAMILIES:
            self._check_timm_name()

    def _check_solved(self) -> None:
        meaningless = (*TRAINING_FIELDS, "width", "weight_decay") if self.model == "theorem1" else TRAINING_FIELDS
        changed = self.changed()
        given = [f"{name}={changed[name]!r}" for name in meaningless if name in changed]
        if given:
            raise ValueError(
                f"{', '.join(meaningless)} must keep their defaults for {self.model!r}, which is solved and not "
                f"trained; got {', '.join(given)}."
            )

    def _check_timm_name(self) -> None:
        from zoo.models import timm_names  # importing timm takes seconds, and the families do not need it

        known = timm_names()
        if self.model not in known:
            near = difflib.get_close_matches(self.model, [*FAMILIES, *SOLVED, *known], n=3, cutoff=0.5)
            hint = (
                f"Did you mean: {', '.join(near)}?"
                if near
                else f"Families: {', '.join([*FAMILIES, *SOLVED])}; or any timm model."
            )
            raise UnknownModel(f"No model is called {self.model!r}. {hint}")
        if self.width != 1 or self.depth != 2:  # noqa: PLR2004  the defaults
            raise ValueError(
                f"width and depth must keep their defaults for the timm model {self.model!r}, whose name fixes both; "
                f"got width={self.width}, depth={self.depth}."
            )

    @property
    def run_id(self) -> str:
        """Readable prefix and a hash of the fields that differ from their defaults, so a new field renames nothing."""
        digest = hashlib.sha256(json.dumps(self.changed(), sort_keys=True).encode()).hexdigest()
        return f"{self.dataset}-{self.model}-{self.corruption}-{digest[:12]}"

    def changed(self) -> dict[str, Any]:
        """The fields that differ from their defaults, by name."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }

    def replace(self, **changes: Any) -> Self:
        """The same recipe with other choices."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_changed(cls, changed: Mapping[str, Any]) -> Self:
        """The recipe whose `changed()` this is.

        Raises:
            ValueError: a field that recipes do not have: the record comes from another version.
        """
        unknown = set(changed) - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(f"A recipe must have known fields; got {', '.join(sorted(unknown))}.")
        return cls(**changed)


def _require(condition: bool, name: str, value: object, must: str) -> None:
    if not condition:
        raise ValueError(f"{name} must {must}; got {value!r}.")


def _one_of(choices: Any) -> str:
    return f"be one of {', '.join(get_args(choices))}"
