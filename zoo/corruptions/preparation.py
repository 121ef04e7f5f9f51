"""Prepare the tensors that a network is trained and tested on from a data set and a `DataSpec`."""

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from zoo.corruptions.common import require_corruptible
from zoo.corruptions.conditions import corrupt
from zoo.corruptions.confusion import ClassNoise, confused
from zoo.corruptions.imbalance import long_tailed
from zoo.corruptions.pairs import paired, paired_indices
from zoo.corruptions.poison import poisoned, require_poisonable
from zoo.corruptions.shift import apply_shift
from zoo.corruptions.spec import NO_UNLABELED, DataSpec
from zoo.data.datasets import ImageSet, pixel_statistics, stratified_subset
from zoo.data.shrinking import shrink
from zoo.data.subsets import keep_classes, merge_classes
from zoo.errors import RecipeError
from zoo.seeds import generator

NUM_HELD_OUT: Final = 1000  # at most: enough to tell accuracies 3 points apart, and little to keep


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedData:
    """Data that one network is trained and tested on. Its tensors may be shared: never write into them.

    Attributes:
        train_images: [n, c, h, w], uint8, or float32 after "gaussian"; grey levels in both cases.
        train_labels: int64 [n], corrupted or not.
        test_images: [m, c, h, w], as the training images; the gap is measured on them.
        test_labels: int64 [m], the true ones.
        unlabeled_images: [u, c, h, w], what measures may see, none of them among `test_images`; None where they may
            see nothing but training data.
        held_out_images: [v, c, h, w], treated as the training images without poison and not among them; v is 0 where
            all are.
        held_out_labels: int64 [v], the true ones.
        mean: float32 [c] of the training images, see `prepare`.
        std: float32 [c]; the network sees (x - mean) / std.
        num_classes: k.
        labels_changed: fraction of `train_labels` that differ from the true ones.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    unlabeled_images: Tensor | None
    held_out_images: Tensor
    held_out_labels: Tensor
    mean: Tensor
    std: Tensor
    num_classes: int
    labels_changed: float


def prepare(images: ImageSet, spec: DataSpec) -> PreparedData:
    """The data of one training run, changed in the order that `DataSpec` gives.

    The whole set is corrupted and then cut. So with one seed, whatever the size: an image has the same pixels and the
    same label in every subset that holds it, and a smaller subset lies within a larger one. The cut goes by true
    labels, and is the same for every condition and p. All test images are kept, or
    halved class by class, the same way for every seed, where the spec says so. Held out are those training images, up
    to 1,000, that the next larger subset would add; images that imbalance takes from the subset are not among them.

    Mean and standard deviation are those of all training images after condition and shift, before the cut: they depend
    on no label, no test image and not on `train_size`, so that an image is the same numbers to networks of every size.

    Raises:
        RecipeError: classes, a size, class noise or a number of pairs that the set does not have; an imbalance that
            leaves a class empty.
    """
    images = shrink(merge_classes(keep_classes(images, spec.classes), spec.merged), spec.image_side)
    noisy = corrupt(images, spec.corruption, spec.corruption_p, spec.seed).images
    if spec.class_noise:
        noisy = _with_class_noise(noisy, spec)
    if spec.shift is not None:
        noisy = apply_shift(noisy, spec.shift, spec.severity, spec.shift_on, spec.seed)
    trained = noisy
    if spec.poison:
        trained = poisoned(noisy, spec.poison, spec.poison_target, generator(images.name, "poison", spec.seed))
    chosen, held_out = _chosen(images, spec)
    if spec.imbalance != 1:
        names = (images.name, "imbalance", spec.seed)
        chosen = chosen[long_tailed(images.train_labels[chosen], images.num_classes, spec.imbalance, *names)]
    tested, unlabeled = _halves(images, spec)
    mean, std = pixel_statistics(noisy.train_images)
    single = PreparedData(
        train_images=trained.train_images[chosen],
        train_labels=trained.train_labels[chosen],
        test_images=noisy.test_images if tested is None else noisy.test_images[tested],
        test_labels=noisy.test_labels if tested is None else noisy.test_labels[tested],
        unlabeled_images=None if unlabeled is None else noisy.test_images[unlabeled],
        held_out_images=noisy.train_images[held_out],
        held_out_labels=images.train_labels[held_out],
        mean=mean,
        std=std,
        num_classes=images.num_classes,
        labels_changed=float((trained.train_labels != images.train_labels)[chosen].double().mean()),
    )
    return _in_pairs(single, images.name, spec) if spec.pairs else single


def require_fit(images: ImageSet, spec: DataSpec) -> None:
    """Refuse a shift or a poison that images of this size cannot have, without preparing any.

    Raises:
        RecipeError: the images are too small or have other channels, or `poison_target` is none of the classes.
    """
    channels, *sides = images.train_images.shape[1:]
    shape = [channels, *(sides if spec.image_side is None else [spec.image_side] * 2)]
    if spec.shift is not None:
        require_corruptible(shape, spec.shift)
    if spec.poison:
        kept = len(spec.classes) or images.num_classes
        require_poisonable(shape, max(spec.merged) + 1 if spec.merged else kept, spec.poison_target)


def _with_class_noise(images: ImageSet, spec: DataSpec) -> ImageSet:
    number = {label: index for index, label in enumerate(spec.classes or range(images.num_classes))}
    noise: ClassNoise = tuple((number.get(old, old), number.get(new, new), q) for old, new, q in spec.class_noise)
    draw = generator(images.name, "class_noise", spec.seed)
    return replace(images, train_labels=confused(images.train_labels, noise, images.num_classes, draw))


def _chosen(images: ImageSet, spec: DataSpec) -> tuple[Tensor, Tensor]:
    """Indices of the training images that are trained on, and of those held out."""
    num_images = len(images.train_labels)
    size = num_images if spec.train_size is None else spec.train_size
    end = (spec.train_part + 1) * size
    if spec.train_part and end > num_images:
        raise RecipeError(
            f"train_part must be at most {num_images // size - 1} with train_size={size} of {num_images} training "
            f"images; got {spec.train_part}."
        )
    names = (images.name, "train_size", spec.seed)
    used = stratified_subset(images.train_labels, end, *names)
    chosen = used
    if spec.train_part:
        chosen = used[~torch.isin(used, stratified_subset(images.train_labels, end - size, *names))]
    if end == num_images:
        return chosen, chosen[:0]
    more = stratified_subset(images.train_labels, min(end + NUM_HELD_OUT, num_images), *names)
    return chosen, more[~torch.isin(more, used)]


def _halves(images: ImageSet, spec: DataSpec) -> tuple[Tensor | None, Tensor | None]:
    """Indices of the test images on which the gap is measured, and of those that measures see; None for all and none.

    A draw by the name of the set alone, so that networks of every seed are tested on the same images.
    """
    if spec.unlabeled == NO_UNLABELED:
        return None, None
    count = len(images.test_labels)
    tested = stratified_subset(images.test_labels, (count + 1) // 2, images.name, spec.unlabeled)
    rest = torch.ones(count, dtype=torch.bool)
    rest[tested] = False
    return tested, rest.nonzero().flatten()


def _in_pairs(single: PreparedData, name: str, spec: DataSpec) -> PreparedData:
    """Training images paired by their training labels, `pairs` rounds; test and held-out ones by the true, one round.

    Departs from the source, which stacks every two inputs, of whatever classes: here a pair has one label, that of both
    its images, as everything that is trained and scored here has.
    """
    pairs, labels = {}, {}
    for half, rounds in (("train", spec.pairs), ("test", 1), ("held_out", 1)):
        own_images, own_labels = getattr(single, f"{half}_images"), getattr(single, f"{half}_labels")
        first, second = paired_indices(own_labels, rounds, generator(name, "pairs", spec.seed, half))
        pairs[half], labels[half] = paired(own_images, first, second), own_labels[first]
    return replace(
        single,
        train_images=pairs["train"],
        train_labels=labels["train"],
        test_images=pairs["test"],
        test_labels=labels["test"],
        held_out_images=pairs["held_out"],
        held_out_labels=labels["held_out"],
        mean=single.mean.repeat(2),
        std=single.std.repeat(2),
    )
