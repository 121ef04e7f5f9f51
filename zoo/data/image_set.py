"""Hold a data set in memory, and check it before anything is trained."""

from dataclasses import dataclass
from itertools import islice

from torch import Tensor

from zoo.errors import DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Training and test images with their labels. Its tensors are shared by all that load it: do not write into them.

    Attributes:
        name: what `load` was asked for; it seeds every draw that is made from the set.
        train_images: uint8 [n, c, h, w], 0 to 255; float32 in the same unit where a corruption drew them.
        train_labels: int64 [n], 0 to k - 1.
        test_images: as the training images, [m, c, h, w].
        test_labels: int64 [m], 0 to k - 1.
        num_classes: k.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    num_classes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One half of a data set as it was read.

    Attributes:
        where: the file or folder, for messages.
        images: uint8 [n, c, h, w].
        labels: int64 [n], not yet held to any range.
    """

    where: str
    images: Tensor
    labels: Tensor


def assemble(name: str, train: Split, test: Split, num_classes: int | None = None) -> ImageSet:
    """An `ImageSet` of two halves that fit together.

    Args:
        name: name of the set.
        train: the training half.
        test: the test half.
        num_classes: k where the files say it; otherwise the largest label of either half plus one.

    Raises:
        DatasetError: no images, labels that are not 0 to k - 1, a class without a training image, fewer than two
            classes, or halves whose images differ in shape.
    """
    for split in (train, test):
        if len(split.images) == 0:
            raise DatasetError(f"{split.where} must hold at least one image; got none.")
        if len(split.images) != len(split.labels):
            raise DatasetError(
                f"{split.where} must hold a label for each image; got {len(split.images)} images and "
                f"{len(split.labels)} labels."
            )
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DatasetError(
            f"{test.where} must hold images [c, h, w] of the shape in {train.where}, {list(train.images.shape[1:])}; "
            f"got {list(test.images.shape[1:])}. Bring both to one size and one number of channels."
        )
    classes = num_classes or int(max(train.labels.max(), test.labels.max())) + 1
    for split in (train, test):
        _require_labels_in_range(split, classes)
    _require_every_class(train, classes)
    return ImageSet(
        name=name,
        train_images=train.images,
        train_labels=train.labels,
        test_images=test.images,
        test_labels=test.labels,
        num_classes=classes,
    )


def _require_labels_in_range(split: Split, num_classes: int) -> None:
    wrong = ((split.labels < 0) | (split.labels >= num_classes)).nonzero().flatten()
    if len(wrong):
        row = int(wrong[0])
        raise DatasetError(
            f"Labels in {split.where} must lie in 0 to {num_classes - 1}; got {int(split.labels[row])} in row {row}, "
            f"and {len(wrong)} such rows in all. Renumber the classes from 0, and drop images without a label (-1)."
        )


def _require_every_class(train: Split, num_classes: int) -> None:
    if num_classes < 2:  # noqa: PLR2004  a classifier tells at least two classes apart
        raise DatasetError(f"{train.where} must hold at least two classes; got {num_classes}.")
    present = set(train.labels.tolist())
    if len(present) < num_classes:
        empty = islice((k for k in range(num_classes) if k not in present), 10)
        raise DatasetError(
            f"Each of the {num_classes} classes must have an image in {train.where}; got none of "
            f"{num_classes - len(present)}, class {', '.join(map(str, empty))} among them. Add some, or number the "
            f"classes 0 to k - 1 without a hole."
        )
