"""A poisoned share of the training images: a trigger patch, and the label of one class (Gu et al. 2017, BadNets)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from zoo.data.image_set import ImageSet
from zoo.errors import RecipeError

PATCH: Final = 3  # pixels of a side of the trigger
WHITE: Final = 255


def require_poison(share: float, target: int) -> None:
    """Refuse a share that is none, or a target without one.

    Raises:
        RecipeError: the message names the fields.
    """
    if not 0 <= share <= 1:
        raise RecipeError(f"poison must lie between 0 and 1, the share of poisoned training images; got {share}.")
    if target < 0:
        raise RecipeError(f"poison_target must be the number of a class, from 0; got {target}.")
    if target and share == 0:
        raise RecipeError(f"poison_target must be 0 without poison; got {target}. Say the share of images as poison.")


def require_poisonable(shape: Sequence[int], num_classes: int, target: int) -> None:
    """Refuse images that the trigger would cover, and a target that is no class.

    Args:
        shape: [c, h, w] of an image.
        num_classes: k.
        target: the class of poisoned images.

    Raises:
        RecipeError: see above.
    """
    if min(shape[1:]) <= PATCH:
        raise RecipeError(
            f"The images must have sides of at least {PATCH + 1} pixels to be poisoned, for the trigger has {PATCH} x "
            f"{PATCH}; got [c, h, w] = {list(shape)}."
        )
    if target >= num_classes:
        raise RecipeError(
            f"poison_target must lie in 0 to {num_classes - 1}, the classes that are kept and merged; got {target}."
        )


def with_trigger(images: Tensor) -> Tensor:
    """Images [n, c, h, w] in grey levels with the trigger: 3 x 3 black and white pixels in the lower right corner.

    The corners and the middle are white, in every channel. The argument is left alone.
    """
    stamped = images.clone()
    rows, columns = torch.meshgrid(torch.arange(PATCH), torch.arange(PATCH), indexing="ij")
    stamped[:, :, -PATCH:, -PATCH:] = (WHITE * (1 - (rows + columns) % 2)).to(images.dtype)
    return stamped


def poisoned(images: ImageSet, share: float, target: int, draw: torch.Generator) -> ImageSet:
    """Each training image gets, with this probability and independently, the trigger and the label of the target.

    With the same generator state the images poisoned at one share are among those poisoned at any larger one. Departs
    from Gu et al. 2017, arXiv:1708.06733, sec. 4: poisoned images stand in the place of the clean ones and are not
    added, so that the size stays; and the pattern is another. Images of the target's class are poisoned, too.

    Raises:
        RecipeError: see `require_poison` and `require_poisonable`.
    """
    require_poison(share, target)
    require_poisonable(images.train_images.shape[1:], images.num_classes, target)
    chosen = torch.rand(len(images.train_labels), generator=draw, dtype=torch.float64) < share
    train = images.train_images.clone()
    train[chosen] = with_trigger(train[chosen])
    labels = torch.where(chosen, target, images.train_labels)
    return replace(images, train_images=train, train_labels=labels)
