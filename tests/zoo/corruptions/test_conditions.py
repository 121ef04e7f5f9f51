"""The six conditions, and the data of a training run."""

import hashlib
from dataclasses import replace
from typing import Final, get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from zoo.corruptions import CORRUPTIONS, Corruption, DataSpec, PreparedData, corrupt, prepare, require_corruption
from zoo.data.datasets import ImageSet, load

DIGITS = load("digits")

# First 16 figures of the SHA-256 of training images, training labels, test images and test labels of
# `prepare(digits, DataSpec(train_size=600, ...))`, all of them whole numbers. A changed hash means that each stored run
# of the condition was trained on other data than its recipe now gives, be it by this code or by a new stream of torch's
# CPU generator: old ledgers do not compare with new ones, and CHANGELOG.md must say so.
GOLDEN: dict[tuple[Corruption, float], str] = {
    ("true_labels", 0.0): "bba9f46d3dca92a1",
    ("partial_labels", 0.5): "f4be40df0b3a783d",
    ("random_labels", 0.0): "b5f13fd387b79605",
    ("shuffled_pixels", 0.0): "8a9abb794b97993d",
    ("random_pixels", 0.0): "ea78ad342e127027",
}
CONDITIONS: Final[tuple[tuple[Corruption, float], ...]] = (*GOLDEN, ("gaussian", 0.0))

# Likewise for "gaussian", whose images are no whole numbers: the first row of the first training and test image.
GAUSSIAN: Final = (
    (174.047, -9.439, 143.353, 8.586, -20.613, 164.443, 144.366, -82.711),
    (33.913, 125.205, -48.162, 20.948, -34.088, 13.49, 71.216, 128.97),
)

conditions = st.sampled_from(sorted(CONDITIONS))
seeds = st.integers(0, 2**40)
sizes = st.integers(10, len(DIGITS.train_labels))
few = settings(max_examples=25, deadline=None)  # each draws a whole data set


def spec(condition: tuple[Corruption, float], size: int | None, seed: int) -> DataSpec:
    """A condition and its level, on some of the training images."""
    corruption, p = condition
    return DataSpec(corruption=corruption, corruption_p=p, train_size=size, seed=seed)


def tensors(data: PreparedData | ImageSet) -> tuple[Tensor, ...]:
    """What is trained and tested on."""
    return data.train_images, data.train_labels, data.test_images, data.test_labels


def fingerprint(*parts: Tensor) -> str:
    """The first 16 figures of the SHA-256 of the bytes of some tensors."""
    return hashlib.sha256(b"".join(part.contiguous().numpy().tobytes() for part in parts)).hexdigest()[:16]


def test_every_corruption_has_a_description_and_is_tested() -> None:
    """Naming one is being tested."""
    assert tuple(CORRUPTIONS) == get_args(Corruption) == tuple(corruption for corruption, _ in CONDITIONS)


@pytest.mark.parametrize(("corruption", "p"), GOLDEN)
def test_golden_hash(corruption: Corruption, p: float) -> None:
    """The images and labels that a recipe stands for."""
    assert fingerprint(*tensors(prepare(DIGITS, spec((corruption, p), 600, 0)))) == GOLDEN[corruption, p]


def test_golden_gaussian_pixels() -> None:
    """Within rounding of float32."""
    data = prepare(DIGITS, spec(("gaussian", 0.0), 600, 0))
    for images, row in zip((data.train_images, data.test_images), GAUSSIAN, strict=True):
        assert images[0, 0, 0].tolist() == pytest.approx(row, abs=1e-3)
    assert float(data.mean) == pytest.approx(78.549, abs=1e-4)
    assert float(data.std) == pytest.approx(96.3267, abs=1e-4)


@few
@given(conditions, sizes, seeds)
def test_preparation_repeats(condition: tuple[Corruption, float], size: int, seed: int) -> None:
    """The same arguments give the same bits, and the loaded set is left alone."""
    before = fingerprint(*tensors(DIGITS))
    first, again = (prepare(DIGITS, spec(condition, size, seed)) for _ in range(2))
    assert fingerprint(*tensors(first), first.mean, first.std) == fingerprint(*tensors(again), again.mean, again.std)
    assert fingerprint(*tensors(DIGITS)) == before


@few
@given(conditions, seeds, seeds)
def test_other_seeds_give_other_draws(condition: tuple[Corruption, float], seed: int, other: int) -> None:
    """Of the whole set, so that it is the corruption that differs; true labels hold no chance."""
    first, second = (fingerprint(*tensors(corrupt(DIGITS, *condition, each).images)) for each in (seed, other))
    assert (first == second) == (seed == other or condition[0] == "true_labels")


@pytest.mark.parametrize(("corruption", "p"), [each for each in CONDITIONS if each[0] != "true_labels"])
def test_sets_of_other_names_get_other_draws(corruption: Corruption, p: float) -> None:
    """The name of the set seeds the draw."""
    first, second = (corrupt(each, corruption, p, 0).images for each in (DIGITS, replace(DIGITS, name="figures")))
    assert fingerprint(*tensors(first)) != fingerprint(*tensors(second))


@few
@given(conditions, seeds)
def test_what_a_condition_touches(condition: tuple[Corruption, float], seed: int) -> None:
    """Test labels never; images or training labels, not both."""
    corrupted = corrupt(DIGITS, *condition, seed)
    labels_change = condition[0] in {"partial_labels", "random_labels"}
    pixels_change = condition[0] in {"shuffled_pixels", "random_pixels", "gaussian"}

    assert torch.equal(corrupted.images.test_labels, DIGITS.test_labels)
    assert torch.equal(corrupted.images.train_labels, DIGITS.train_labels) != labels_change
    assert torch.equal(corrupted.images.train_images, DIGITS.train_images) != pixels_change
    assert torch.equal(corrupted.images.test_images, DIGITS.test_images) != pixels_change
    assert torch.equal(corrupted.label_changed, corrupted.images.train_labels != DIGITS.train_labels)


def test_shuffled_pixels_are_one_permutation_for_training_and_test() -> None:
    """Undoing the order found on the training images restores the test images."""
    shuffled = corrupt(DIGITS, "shuffled_pixels", 0.0, 3).images
    columns = {tuple(column.tolist()): j for j, column in enumerate(DIGITS.train_images.flatten(1).T)}
    blank = {tuple(column.tolist()) for column in DIGITS.train_images.flatten(1).T[[0, 32, 39]]}  # hold nothing
    for train, test in zip(shuffled.train_images.flatten(1).T, shuffled.test_images.flatten(1).T, strict=True):
        key = tuple(train.tolist())
        if key not in blank:
            assert torch.equal(test, DIGITS.test_images.flatten(1)[:, columns[key]])


def test_random_pixels_and_gaussian_draw_test_images_separately() -> None:
    """Equal images in both halves come out different."""
    same = replace(DIGITS, train_images=DIGITS.test_images, train_labels=DIGITS.test_labels)
    for corruption in ("random_pixels", "gaussian"):
        drawn = corrupt(same, corruption, 0.0, 0).images
        assert not (drawn.train_images == drawn.test_images).flatten(1).all(dim=1).any()


def test_gaussian_matches_the_training_images() -> None:
    """Mean and standard deviation, by numpy, within five standard errors; both halves with those of training images."""
    whole = replace(DIGITS, test_images=255 - DIGITS.test_images)
    drawn = corrupt(whole, "gaussian", 0.0, 0).images
    pixels = DIGITS.train_images.numpy()
    for half in (drawn.train_images, drawn.test_images):
        assert half.dtype == torch.float32
        error = 5 * float(pixels.std()) / half.numel() ** 0.5
        assert float(half.double().mean()) == pytest.approx(float(pixels.mean()), abs=error)
        assert float(half.double().std()) == pytest.approx(float(pixels.std()), abs=error)


@few
@given(st.floats(0, 1), seeds)
def test_random_labels_are_partial_labels_at_one_and_levels_are_nested(p: float, seed: int) -> None:
    """Labels replaced at p are replaced alike at 1."""
    some, every = corrupt(DIGITS, "partial_labels", p, seed), corrupt(DIGITS, "random_labels", 0.0, seed)
    assert torch.equal(some.images.train_labels[some.label_changed], every.images.train_labels[some.label_changed])
    at_one = corrupt(DIGITS, "partial_labels", 1.0, seed)
    assert torch.equal(at_one.images.train_labels, every.images.train_labels)


@few
@given(conditions, sizes, sizes, seeds)
def test_an_image_is_the_same_in_every_subset(
    condition: tuple[Corruption, float], one: int, other: int, seed: int
) -> None:
    """Its pixels, its label and the statistics; and the smaller subset lies within the larger."""
    small, large = (prepare(DIGITS, spec(condition, size, seed)) for size in sorted((one, other)))
    rows = {(image.numpy().tobytes(), int(label)) for image, label in zip(*tensors(large)[:2], strict=True)}
    assert all((image.numpy().tobytes(), int(label)) in rows for image, label in zip(*tensors(small)[:2], strict=True))
    assert torch.equal(small.mean, large.mean)
    assert torch.equal(small.std, large.std)
    assert torch.equal(small.test_images, large.test_images)


@few
@given(seeds)
def test_the_subset_is_the_same_for_every_condition(seed: int) -> None:
    """The cut goes by true labels: 300 images are at most one off the proportions of the classes."""
    plain = prepare(DIGITS, DataSpec(train_size=300, seed=seed))
    noisy = prepare(DIGITS, DataSpec(train_size=300, corruption="random_labels", seed=seed))
    shares = DIGITS.train_labels.bincount() * 300 / len(DIGITS.train_labels)

    assert torch.equal(plain.train_images, noisy.train_images)
    assert bool(((plain.train_labels.bincount() - shares).abs() < 1).all())
    assert noisy.labels_changed == pytest.approx(float((plain.train_labels != noisy.train_labels).double().mean()))
    assert plain.labels_changed == 0


@pytest.mark.parametrize(("corruption", "p"), CONDITIONS)
def test_statistics_normalise_the_training_images(corruption: Corruption, p: float) -> None:
    """Of the whole training half as the network sees it; a permutation of pixels changes no bit of them."""
    data = prepare(DIGITS, spec((corruption, p), None, 0))
    normal = (data.train_images.double() - data.mean) / data.std
    assert float(normal.mean()) == pytest.approx(0, abs=1e-6)
    assert float(normal.std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert data.num_classes == 10
    if corruption != "gaussian":
        plain = prepare(DIGITS, DataSpec(train_size=10, seed=1))
        assert torch.equal(data.mean, plain.mean)
        assert torch.equal(data.std, plain.std)


def test_unknown_corruption_gets_a_suggestion() -> None:
    """Nothing runs by default."""
    with pytest.raises(ValueError, match=r"No corruption is called 'random_label'\. Did you mean: random_labels"):
        require_corruption("random_label", 0.0)
    with pytest.raises(ValueError, match=r"Available: true_labels, partial_labels"):
        require_corruption("zzz", 0.0)


@pytest.mark.parametrize("p", [-0.5, 1.5, float("nan")])
def test_p_must_be_a_probability(p: float) -> None:
    """Before anything is drawn."""
    with pytest.raises(ValueError, match="corruption_p must lie between 0 and 1"):
        corrupt(DIGITS, "partial_labels", p, 0)


@pytest.mark.parametrize("corruption", [corruption for corruption in CORRUPTIONS if corruption != "partial_labels"])
def test_a_p_without_effect_is_refused(corruption: Corruption) -> None:
    """A level that does nothing would make two names of one run."""
    with pytest.raises(ValueError, match=f"corruption_p must be 0 with '{corruption}'"):
        DataSpec(corruption=corruption, corruption_p=0.3)


@pytest.mark.parametrize("size", [9, 1298])
def test_impossible_train_sizes_are_refused(size: int) -> None:
    """Fewer than classes, or more than there are."""
    with pytest.raises(ValueError, match=f"between the 10 classes and 1297 images; got {size}"):
        prepare(DIGITS, DataSpec(train_size=size))
