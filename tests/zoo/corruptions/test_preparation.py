"""Data prepared by a spec: what stands beside condition and shift, in which order, and what is held out."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from zoo.corruptions import Corruption, DataSpec, PreparedData, apply_common_corruption, prepare
from zoo.corruptions.preparation import NUM_HELD_OUT
from zoo.data.datasets import load
from zoo.seeds import generator

DIGITS = load("digits")
NAMES = ("train_images", "train_labels", "test_images", "test_labels", "held_out_images", "held_out_labels")

# See test_conditions.py for what a changed hash means.
GOLDEN = {
    DataSpec(train_size=600, class_noise=((0, 6, 0.2), (5, 3, 0.3))): "4ae05e990ea24bae",
    DataSpec(train_size=100, classes=(3, 5, 8), corruption="partial_labels", corruption_p=0.5): "8c4901d76b25cf9f",
    DataSpec(train_size=200, pairs=2): "7e2130cfad1b53e9",
    DataSpec(
        classes=(3, 8), class_noise=((3, 8, 0.5),), shift="fog", severity=3, pairs=1, train_size=50, seed=1
    ): "ff7f62892c313d75",
}

specs = st.sampled_from(list(GOLDEN))
few = settings(max_examples=15, deadline=None)


def rows(images: Tensor, labels: Tensor) -> set[tuple[bytes, int]]:
    """Each image with its label; no two digits are equal."""
    return {(image.numpy().tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}


def fingerprint(data: PreparedData) -> str:
    """The first 16 figures of the SHA-256 of images and labels, all of them whole numbers."""
    parts = [getattr(data, name) for name in NAMES]
    return hashlib.sha256(b"".join(part.contiguous().numpy().tobytes() for part in parts)).hexdigest()[:16]


@pytest.mark.parametrize("spec", GOLDEN)
def test_golden_hash(spec: DataSpec) -> None:
    """The images and labels that a recipe stands for."""
    assert fingerprint(prepare(DIGITS, spec)) == GOLDEN[spec]


@few
@given(specs, st.integers(0, 2**40))
def test_preparation_repeats_and_other_seeds_differ(spec: DataSpec, seed: int) -> None:
    """The same spec gives the same data."""
    first, again, other = (fingerprint(prepare(DIGITS, replace(spec, seed=each))) for each in (seed, seed, seed + 1))
    assert first == again != other


@pytest.mark.parametrize("spec", [DataSpec(class_noise=((5, 3, 0.3),)), DataSpec(pairs=1)])
def test_class_noise_and_pairs_are_drawn_by_seed_and_set(spec: DataSpec) -> None:
    """On all training images, where no subset is drawn."""
    figures = replace(DIGITS, name="figures")
    drawn = [
        fingerprint(prepare(images, replace(spec, seed=seed))) for images in (DIGITS, figures) for seed in range(2)
    ]
    assert len(set(drawn)) == 4


def test_class_noise_changes_training_labels_and_nothing_else() -> None:
    """30 % of the fives, within five standard deviations, are labelled three; images, test and held-out labels stay."""
    plain, noisy = prepare(DIGITS, DataSpec()), prepare(DIGITS, DataSpec(class_noise=((5, 3, 0.3),)))
    changed = plain.train_labels != noisy.train_labels
    fives = int((plain.train_labels == 5).sum())
    assert set(plain.train_labels[changed].tolist()) == {5}
    assert set(noisy.train_labels[changed].tolist()) == {3}
    assert abs(int(changed.sum()) - 0.3 * fives) < 5 * (fives * 0.21) ** 0.5
    assert noisy.labels_changed == pytest.approx(float(changed.double().mean()))
    for name in ("train_images", "test_images", "test_labels", "mean"):
        assert torch.equal(getattr(plain, name), getattr(noisy, name))


def test_class_noise_goes_with_a_condition_of_pixels_and_with_the_subset() -> None:
    """An image keeps its label in a smaller subset, and under shuffled pixels."""
    noise = DataSpec(class_noise=((5, 3, 0.3), (9, 0, 0.5)))
    large, small = prepare(DIGITS, noise), prepare(DIGITS, replace(noise, train_size=300))
    assert rows(small.train_images, small.train_labels) < rows(large.train_images, large.train_labels)
    shuffled = prepare(DIGITS, replace(noise, corruption="shuffled_pixels"))
    assert torch.equal(shuffled.train_labels, large.train_labels)


def test_parts_are_disjoint_and_stratified() -> None:
    """Three parts of 100 digits are the subset of 300; what is held out is in none of the parts before it."""
    parts = [prepare(DIGITS, DataSpec(train_size=100, train_part=part)) for part in range(3)]
    chosen = [rows(part.train_images, part.train_labels) for part in parts]
    whole = prepare(DIGITS, DataSpec(train_size=300))

    assert [len(own) for own in chosen] == [100] * 3
    assert set.union(*chosen) == rows(whole.train_images, whole.train_labels)
    assert not chosen[2] & rows(parts[2].held_out_images, parts[2].held_out_labels)
    assert all(8 <= count <= 12 for part in parts for count in part.train_labels.bincount().tolist())
    with pytest.raises(ValueError, match="train_part must be at most 1 with train_size=500 of 1297 training images"):
        prepare(DIGITS, DataSpec(train_size=500, train_part=2))


def test_a_subset_of_classes_is_renumbered() -> None:
    """Images of threes and eights, training and test, with the statistics of their own; noise is counted as before."""
    data = prepare(DIGITS, DataSpec(classes=(3, 8), class_noise=((8, 3, 0.5),)))
    train, test = (torch.isin(labels, torch.tensor([3, 8])) for labels in (DIGITS.train_labels, DIGITS.test_labels))
    assert torch.equal(data.train_images, DIGITS.train_images[train])
    assert torch.equal(data.test_images, DIGITS.test_images[test])
    assert torch.equal(data.test_labels, (DIGITS.test_labels[test] == 8).long())
    old = (DIGITS.train_labels[train] == 8).long()
    assert bool((data.train_labels[old == 0] == 0).all())
    assert 0.3 < float((data.train_labels[old == 1] == 0).double().mean()) < 0.7
    assert data.num_classes == 2
    assert float(data.mean) == pytest.approx(float(DIGITS.train_images[train].double().mean()), rel=1e-6)


def test_random_labels_of_a_subset_of_classes_are_among_them() -> None:
    """Uniform over the classes kept: half of two classes change."""
    data = prepare(DIGITS, DataSpec(classes=(3, 8), corruption="random_labels"))
    assert set(data.train_labels.tolist()) == {0, 1}
    assert data.labels_changed == pytest.approx(0.5, abs=0.2)


@few
@given(st.integers(10, 1297), st.integers(0, 2**40))
def test_what_is_held_out_is_what_the_next_larger_subset_adds(size: int, seed: int) -> None:
    """With true labels, at most 1,000, none of them trained on; nothing is left of all training images."""
    noisy = DataSpec(train_size=size, corruption="partial_labels", corruption_p=0.9, seed=seed)
    data = prepare(DIGITS, noisy)
    number = min(NUM_HELD_OUT, 1297 - size)
    assert data.held_out_images.shape == (number, 1, 8, 8)
    true = rows(DIGITS.train_images, DIGITS.train_labels)
    held_out = rows(data.held_out_images, data.held_out_labels)
    trained = {image for image, _ in rows(data.train_images, data.train_labels)}
    assert held_out <= true
    assert not {image for image, _ in held_out} & trained
    larger = prepare(DIGITS, replace(noisy, train_size=size + number))
    images = {image for image, _ in rows(larger.train_images, larger.train_labels)}
    assert {image for image, _ in held_out} | trained == images


def test_held_out_images_are_corrupted_as_training_images_are() -> None:
    """By the shift on the training half, drawn for the whole of it."""
    spec = DataSpec(train_size=800, shift="shot_noise", severity=3, shift_on="train")
    data = prepare(DIGITS, spec)
    whole = apply_common_corruption(DIGITS.train_images, "shot_noise", 3, generator("digits", "shot_noise", 0, "train"))
    assert rows(data.held_out_images, data.held_out_labels) < rows(whole, DIGITS.train_labels)


def test_measures_see_no_test_image_by_default() -> None:
    """The gap is measured on all of them."""
    data = prepare(DIGITS, DataSpec(train_size=100))
    assert data.unlabeled_images is None
    assert len(data.test_images) == 500


@pytest.mark.parametrize("shift", [{}, {"shift": "brightness", "severity": 2}])
def test_halved_test_images_are_disjoint(shift: dict[str, Any]) -> None:
    """No image that a measure sees is one on which the gap is measured; together all, halved by class."""
    spec = DataSpec(train_size=100, unlabeled="half_of_test", **shift)
    data, whole = prepare(DIGITS, spec), prepare(DIGITS, replace(spec, unlabeled="none"))
    place = {image.numpy().tobytes(): index for index, image in enumerate(whole.test_images)}
    assert data.unlabeled_images is not None
    tested, seen = (
        [place[image.numpy().tobytes()] for image in half] for half in (data.test_images, data.unlabeled_images)
    )
    assert not set(tested) & set(seen)
    assert sorted(tested + seen) == list(range(len(whole.test_labels)))
    assert torch.equal(data.test_labels, whole.test_labels[tested])
    counts = [torch.bincount(whole.test_labels[half], minlength=10) for half in (tested, seen)]
    assert int((counts[0] - counts[1]).abs().max()) <= 1


def test_the_halves_are_the_same_for_every_seed() -> None:
    """Networks of all seeds and conditions are tested on the same images; training does not see the halving."""
    conditions: list[tuple[int, Corruption]] = [(0, "true_labels"), (7, "random_labels")]
    first, second = (
        prepare(DIGITS, DataSpec(train_size=100, unlabeled="half_of_test", seed=seed, corruption=corruption))
        for seed, corruption in conditions
    )
    assert torch.equal(first.test_images, second.test_images)
    assert first.unlabeled_images is not None
    assert second.unlabeled_images is not None
    assert torch.equal(first.unlabeled_images, second.unlabeled_images)
    whole = prepare(DIGITS, DataSpec(train_size=100))
    for name in ("train_images", "train_labels", "held_out_images", "mean", "std"):
        assert torch.equal(getattr(first, name), getattr(whole, name))


@few
@given(st.integers(1, 3), st.sampled_from([0.0, 0.4]), st.integers(0, 2**40))
def test_pairs_are_of_images_of_one_label(rounds: int, p: float, seed: int) -> None:
    """Training pairs by the labels trained on, `pairs` times as many; test and held-out ones by the true labels."""
    spec = DataSpec(train_size=300, seed=seed, corruption="partial_labels" if p else "true_labels", corruption_p=p)
    single, pairs = prepare(DIGITS, spec), prepare(DIGITS, replace(spec, pairs=rounds))
    for half, times in (("train", rounds), ("test", 1), ("held_out", 1)):
        images, labels = getattr(single, f"{half}_images"), getattr(single, f"{half}_labels")
        joined, joint = getattr(pairs, f"{half}_images"), getattr(pairs, f"{half}_labels")
        assert torch.equal(joined[:, :1], images.repeat(times, 1, 1, 1))
        assert torch.equal(joint, labels.repeat(times))
        assert rows(joined[:, 1:], joint) == rows(images, labels)
    assert pairs.labels_changed == single.labels_changed
    assert pairs.mean.tolist() == single.mean.repeat(2).tolist()
    assert pairs.std.tolist() == single.std.repeat(2).tolist()


def test_what_the_data_set_does_not_have_is_refused() -> None:
    """Classes, sizes and numbers of pairs."""
    with pytest.raises(ValueError, match=r"classes must lie in 0 to 9 for 'digits'; got 12 in \(3, 12\)"):
        prepare(DIGITS, DataSpec(classes=(3, 12)))
    with pytest.raises(ValueError, match="class_noise must name classes 0 to 9 of this data set; got 10"):
        prepare(DIGITS, DataSpec(class_noise=((10, 3, 0.3),)))
    with pytest.raises(ValueError, match=r"between the 2 classes and .* images; got 1000"):
        prepare(DIGITS, DataSpec(classes=(3, 8), train_size=1000))
    with pytest.raises(ValueError, match="pairs must be at most the number of images of the smallest class, 10"):
        prepare(DIGITS, DataSpec(train_size=100, pairs=11))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"train_size": 0}, "train_size must be at least 1 or None; got 0"),
        ({"pairs": -1}, "pairs must be at least 0; got -1"),
        ({"unlabeled": "half"}, "unlabeled must be one of none, half_of_test; got 'half'"),
        ({"unlabeled": "half_of_test", "pairs": 1}, "unlabeled must be 'none' with pairs=1; got 'half_of_test'"),
        ({"train_part": -1}, "train_part must be at least 0; got -1"),
        ({"train_part": 1}, "train_part must be 0 without a train_size"),
        ({"image_side": 0}, "image_side must be at least 1 or None; got 0"),
        ({"classes": (3,)}, r"classes must be at least two numbers.*got \(3,\)"),
        ({"classes": (5, 3)}, r"in ascending order.*got \(5, 3\)"),
        ({"classes": (3, 3)}, r"in ascending order.*got \(3, 3\)"),
        ({"classes": (-1, 3)}, r"from 0.*got \(-1, 3\)"),
        ({"classes": (False, True)}, r"numbers from 0.*got \(False, True\)"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    """Before any data are loaded; the message names the field."""
    with pytest.raises(ValueError, match=message):
        DataSpec(**fields)
