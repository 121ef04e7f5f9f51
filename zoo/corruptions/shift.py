"""A common corruption of a whole data set: of its training images, of its test images, or of both."""

from dataclasses import replace
from typing import Final, Literal, get_args

from zoo.corruptions.common import CommonCorruption, apply_common_corruption, require_common_corruption
from zoo.data.image_set import ImageSet
from zoo.errors import RecipeError
from zoo.seeds import generator

ShiftOn = Literal["train", "test", "both"]

DEFAULT_ON: Final[ShiftOn] = "both"


def require_shift(shift: str | None, severity: int, shift_on: str, corruption: str) -> None:
    """Refuse a shift that does not exist, or that contradicts itself or the condition.

    Raises:
        RecipeError: the message names the fields.
    """
    if shift_on not in get_args(ShiftOn):
        raise RecipeError(f"shift_on must be one of {', '.join(get_args(ShiftOn))}; got {shift_on!r}.")
    if shift is None:
        if severity != 0:
            raise RecipeError(f"severity must be 0 without a shift; got {severity}. Name a common corruption as shift.")
        if shift_on != DEFAULT_ON:
            raise RecipeError(f"shift_on must be {DEFAULT_ON!r} without a shift; got {shift_on!r}. Name one as shift.")
        return
    require_common_corruption(shift, severity)
    if corruption == "gaussian":
        raise RecipeError(
            f"shift must be None with corruption='gaussian', whose pixels are no grey levels; got shift={shift!r}."
        )


def apply_shift(images: ImageSet, shift: CommonCorruption, severity: int, shift_on: ShiftOn, seed: int) -> ImageSet:
    """A data set with its training images, its test images or both after a common corruption; labels stay.

    Draws are seeded by the names of the set, of the shift and of the half and by `seed`, by neither the severity nor
    `shift_on`: what differs between severities is the severity.

    Raises:
        RecipeError: images that cannot be corrupted, see `apply_common_corruption`.
    """
    train, test = (
        apply_common_corruption(half, shift, severity, generator(images.name, shift, seed, name))
        if shift_on in {name, "both"}
        else half
        for name, half in (("train", images.train_images), ("test", images.test_images))
    )
    return replace(images, train_images=train, test_images=test)
