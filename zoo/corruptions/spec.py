"""Define `DataSpec`, every choice that decides the data of a training run except the name of the data set."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from zoo.corruptions.common import CommonCorruption
from zoo.corruptions.conditions import Corruption, require_corruption
from zoo.corruptions.confusion import ClassNoise, require_class_noise
from zoo.corruptions.imbalance import require_imbalance
from zoo.corruptions.poison import require_poison
from zoo.corruptions.shift import DEFAULT_ON, ShiftOn, require_shift
from zoo.data.subsets import require_classes, require_merged
from zoo.errors import RecipeError

Unlabeled = Literal["none", "half_of_test"]

NO_UNLABELED: Final[Unlabeled] = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Changes to a data set before a network is trained on it; names and defaults are those of the recipe.

    They are applied in this order: classes, merging, shrinking, condition and class noise, shift, poison, subset,
    imbalance, pairs.

    Attributes:
        classes: the classes that are kept, ascending, and renumbered from 0; all of them if empty.
        merged: for each kept class the one that it becomes part of, numbered from 0; classes as they are if empty.
        image_side: that images are shrunk to, each pixel the mean of a block; as they are if None.
        corruption: the condition of Zhang et al. 2017.
        corruption_p: for "partial_labels", the probability that a label is replaced.
        class_noise: (from, to, probability) triples, ascending: a training image of class `from` is labelled `to` with
            this probability. Classes are counted as in the data set, whatever `classes` keeps.
        shift: a common corruption of the images after the condition; none if None.
        severity: of the shift, 1 to 5; 0 without one.
        shift_on: which images the shift changes.
        poison: share of the training images that get a trigger and the label `poison_target`.
        poison_target: a class, numbered as after `classes` and `merged`; 0 without poison.
        train_size: training images, a stratified subset; all of them if None.
        train_part: which of several disjoint subsets of `train_size`, numbered from 0; each is stratified.
        imbalance: ratio of the first class's share that is kept of the subset to that of the last; 1 for all of it.
        pairs: how often each training image comes first in a pair of images of one label; 0 for images one by one.
        unlabeled: which test images measures see without labels: "none", or "half_of_test" for one half of them, the
            gap being measured on the other half alone.
        seed: decides every draw, each through a separate stream.

    Raises:
        RecipeError: a choice that is impossible or that contradicts another; the message names the fields.
    """

    classes: tuple[int, ...] = ()
    merged: tuple[int, ...] = ()
    image_side: int | None = None
    corruption: Corruption = "true_labels"
    corruption_p: float = 0.0
    class_noise: ClassNoise = ()
    shift: CommonCorruption | None = None
    severity: int = 0
    shift_on: ShiftOn = DEFAULT_ON
    poison: float = 0.0
    poison_target: int = 0
    train_size: int | None = None
    train_part: int = 0
    imbalance: float = 1.0
    pairs: int = 0
    unlabeled: Unlabeled = NO_UNLABELED
    seed: int = 0

    def __post_init__(self) -> None:
        require_classes(self.classes)
        require_merged(self.merged)
        if self.merged and self.class_noise:
            raise RecipeError(f"class_noise must be empty with merged={self.merged}, which renumbers classes.")
        require_corruption(self.corruption, self.corruption_p)
        require_class_noise(self.class_noise, self.classes, self.corruption)
        require_shift(self.shift, self.severity, self.shift_on, self.corruption)
        require_poison(self.poison, self.poison_target)
        if self.train_size is not None and self.train_size < 1:
            raise RecipeError(f"train_size must be at least 1 or None; got {self.train_size}.")
        if self.train_part < 0:
            raise RecipeError(f"train_part must be at least 0; got {self.train_part}.")
        if self.train_part and self.train_size is None:
            raise RecipeError(
                f"train_part must be 0 without a train_size, for the rest is empty; got {self.train_part}."
            )
        require_imbalance(self.imbalance)
        if self.image_side is not None and self.image_side < 1:
            raise RecipeError(f"image_side must be at least 1 or None; got {self.image_side}.")
        if self.pairs < 0:
            raise RecipeError(f"pairs must be at least 0; got {self.pairs}.")
        if self.unlabeled not in get_args(Unlabeled):
            raise RecipeError(f"unlabeled must be one of {', '.join(get_args(Unlabeled))}; got {self.unlabeled!r}.")
        if self.pairs and self.unlabeled != NO_UNLABELED:
            raise RecipeError(f"unlabeled must be {NO_UNLABELED!r} with pairs={self.pairs}; got {self.unlabeled!r}.")
