"""Select and merge classes of a data set, and draw stratified subsets of its images."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from zoo.data.image_set import ImageSet
from zoo.errors import RecipeError
from zoo.seeds import generator


def require_classes(classes: Sequence[int]) -> None:
    """Refuse classes to keep that are no set of at least two, in ascending order; none at all stand for every one.

    Raises:
        RecipeError: see above.
    """
    numbers = [label for label in classes if isinstance(label, int) and not isinstance(label, bool) and label >= 0]
    if len(numbers) < len(classes) or list(classes) != sorted(set(classes)) or len(classes) == 1:
        raise RecipeError(
            f"classes must be at least two numbers from 0 in ascending order, so that one set has one recipe, or empty "
            f"for every class; got {tuple(classes)}."
        )


def keep_classes(images: ImageSet, classes: Sequence[int]) -> ImageSet:
    """The images of some classes, training and test, in their order; the classes numbered 0 to k - 1 in theirs.

    The set keeps its name, which seeds draws. With no classes, or with all of them, it is the same set.

    Raises:
        RecipeError: see `require_classes`; or a class that the set does not have.
    """
    require_classes(classes)
    if not classes or len(classes) == images.num_classes == classes[-1] + 1:
        return images
    if classes[-1] >= images.num_classes:
        raise RecipeError(
            f"classes must lie in 0 to {images.num_classes - 1} for {images.name!r}; got {classes[-1]} in "
            f"{tuple(classes)}."
        )
    number = torch.full((images.num_classes,), -1)
    number[list(classes)] = torch.arange(len(classes))
    train, test = number[images.train_labels], number[images.test_labels]
    return replace(
        images,
        train_images=images.train_images[train >= 0],
        train_labels=train[train >= 0],
        test_images=images.test_images[test >= 0],
        test_labels=test[test >= 0],
        num_classes=len(classes),
    )


def require_merged(merged: Sequence[int]) -> None:
    """Refuse merged classes that are not numbered 0 to k - 1, k at least two; none at all leave classes as they are.

    Raises:
        RecipeError: see above.
    """
    whole = all(isinstance(label, int) and not isinstance(label, bool) for label in merged)
    if merged and (not whole or sorted(set(merged)) != list(range(max(max(merged) + 1, 2)))):
        raise RecipeError(
            f"merged must name classes 0 to k - 1, each of them at least once and k at least 2; got {tuple(merged)}."
        )


def merge_classes(images: ImageSet, merged: Sequence[int]) -> ImageSet:
    """The same images under coarser classes: label i becomes merged[i].

    Raises:
        RecipeError: see `require_merged`; or not one number for each class.
    """
    require_merged(merged)
    if not merged:
        return images
    if len(merged) != images.num_classes:
        raise RecipeError(f"merged must name a class for each of {images.num_classes}; got {tuple(merged)}.")
    number = torch.tensor(merged)
    return replace(
        images,
        train_labels=number[images.train_labels],
        test_labels=number[images.test_labels],
        num_classes=max(merged) + 1,
    )


def stratified_subset(labels: Tensor, size: int, *names: object) -> Tensor:
    """Indices [size], ascending, of a draw that keeps the proportions of the classes.

    Each class is put in random order, its r-th image (r = 0, 1, ...) gets the key (2r + 1) / n_c, n_c the size of the
    class, and the images with the smallest keys are taken: Sainte-Laguë's apportionment. The first of each class is
    taken before any other, ties are broken by a random order of the classes. Hence:

    - where size * n_c / n is whole for each class, that is exactly the number of its images;
    - each class is present;
    - with the same names a smaller subset lies within a larger one.

    Args:
        labels: int64 [n]; true labels, so that the draw does not depend on their corruption.
        size: how many, from the number of classes to n.
        names: seed the draw.

    Raises:
        RecipeError: a size below the number of classes that occur or above n.
    """
    present, counts = labels.unique(return_counts=True)
    if not len(present) <= size <= len(labels):
        raise RecipeError(
            f"The size of a stratified subset must lie between the {len(present)} classes and {len(labels)} images; "
            f"got {size}."
        )
    draw = generator(*names, "stratified_subset")
    members, keys = [], []
    for place in torch.randperm(len(present), generator=draw).tolist():
        own = (labels == present[place]).nonzero().flatten()
        count = int(counts[place])
        members.append(own[torch.randperm(count, generator=draw)])
        key = (2 * torch.arange(count, dtype=torch.float64) + 1) / count
        key[0] = 0
        keys.append(key)
    order = torch.cat(keys).argsort(stable=True)
    return torch.cat(members)[order[:size]].sort().values
