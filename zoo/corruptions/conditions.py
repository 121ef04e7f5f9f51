"""The six conditions of Zhang et al. (2017, arXiv:1611.03530, sec. 2.1)."""

from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from torch import Tensor

from zoo.corruptions.labels import corrupt_labels, random_labels
from zoo.corruptions.pixels import gaussian_pixels, pixel_permutation, random_pixels, shuffled_pixels
from zoo.data.datasets import ImageSet, pixel_moments
from zoo.errors import RecipeError, suggestion
from zoo.seeds import generator

Corruption = Literal["true_labels", "partial_labels", "random_labels", "shuffled_pixels", "random_pixels", "gaussian"]

CORRUPTIONS: Final[dict[Corruption, str]] = {
    "true_labels": "the data as they are",
    "partial_labels": "each training label, with probability p, replaced by a uniformly random class",
    "random_labels": "each training label replaced by a uniformly random class",
    "shuffled_pixels": "one permutation of the pixels, the same for all training and test images",
    "random_pixels": "the pixels of each training and test image in a separately drawn order",
    "gaussian": "each training and test image drawn from a Gaussian with the mean and variance of the training images",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptedSet:
    """A data set after a corruption.

    Attributes:
        images: the set; test labels are the true ones.
        label_changed: bool [n], which training labels differ from the true ones.
    """

    images: ImageSet
    label_changed: Tensor


def require_corruption(corruption: str, p: float) -> None:
    """Refuse a corruption that does not exist, or a p that would do nothing.

    Raises:
        RecipeError: an unknown name, a p that is no probability, or one above 0 without "partial_labels".
    """
    if corruption not in get_args(Corruption):
        raise RecipeError(f"No corruption is called {corruption!r}. {suggestion(corruption, CORRUPTIONS)}")
    if not 0 <= p <= 1:
        raise RecipeError(f"corruption_p must lie between 0 and 1; got {p}.")
    if p > 0 and corruption != "partial_labels":
        raise RecipeError(
            f"corruption_p must be 0 with {corruption!r}, which has no level; got {p}. Use 'partial_labels' for one."
        )


def corrupt(images: ImageSet, corruption: Corruption, p: float, seed: int) -> CorruptedSet:
    """Apply one condition to a whole data set; the same arguments give the same bits.

    A corruption of labels touches training labels alone. A corruption of pixels makes another distribution, and touches
    training and test images. Draws are seeded by the names of the set and of the condition and by `seed`; those of
    labels by neither p nor the condition, so that levels are nested and "partial_labels" at p = 1 is "random_labels".

    Raises:
        RecipeError: see `require_corruption`.
    """
    require_corruption(corruption, p)
    changed = _with_labels(images, corruption, p, seed)
    changed = _with_pixels(changed, corruption, seed)
    return CorruptedSet(images=changed, label_changed=changed.train_labels != images.train_labels)


def _with_labels(images: ImageSet, corruption: Corruption, p: float, seed: int) -> ImageSet:
    draw = generator(images.name, "labels", seed)
    if corruption == "partial_labels":
        return replace(images, train_labels=corrupt_labels(images.train_labels, images.num_classes, p, draw))
    if corruption == "random_labels":
        return replace(images, train_labels=random_labels(images.train_labels, images.num_classes, draw))
    return images


def _with_pixels(images: ImageSet, corruption: Corruption, seed: int) -> ImageSet:
    train, test = images.train_images, images.test_images
    train_draw, test_draw = (generator(images.name, corruption, seed, half) for half in ("train", "test"))
    if corruption == "shuffled_pixels":
        order = pixel_permutation(train, train_draw)
        return replace(images, train_images=shuffled_pixels(train, order), test_images=shuffled_pixels(test, order))
    if corruption == "random_pixels":
        return replace(
            images, train_images=random_pixels(train, train_draw), test_images=random_pixels(test, test_draw)
        )
    if corruption == "gaussian":
        mean, std = pixel_moments(train)
        return replace(
            images,
            train_images=gaussian_pixels(train, mean, std, train_draw),
            test_images=gaussian_pixels(test, mean, std, test_draw),
        )
    return images
