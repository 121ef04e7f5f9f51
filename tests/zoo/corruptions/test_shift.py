"""Common corruptions of a data set and of the data of a training run."""

from dataclasses import replace

import pytest
import torch

from zoo.corruptions import CommonCorruption, DataSpec, ShiftOn, apply_common_corruption, prepare
from zoo.corruptions.shift import apply_shift
from zoo.data.datasets import load
from zoo.recipe import Recipe
from zoo.seeds import generator
from zoo.training.train import data_of, shape_of, train

DIGITS = load("digits")


@pytest.mark.parametrize("shift_on", ["train", "test", "both"])
def test_the_shift_changes_the_images_it_is_on(shift_on: ShiftOn) -> None:
    """By the corruption, drawn from the names of set, shift and half and from the seed; labels stay."""
    shifted = apply_shift(DIGITS, "shot_noise", 3, shift_on, 7)
    halves = {"train": (DIGITS.train_images, shifted.train_images), "test": (DIGITS.test_images, shifted.test_images)}
    for half, (before, after) in halves.items():
        noisy = apply_common_corruption(before, "shot_noise", 3, generator("digits", "shot_noise", 7, half))
        assert torch.equal(after, noisy if shift_on in {half, "both"} else before)
    assert shifted.train_labels is DIGITS.train_labels
    assert shifted.test_labels is DIGITS.test_labels


def test_other_seeds_sets_and_halves_get_other_draws() -> None:
    """Equal images in both halves come out different."""
    same = replace(DIGITS, train_images=DIGITS.test_images, train_labels=DIGITS.test_labels)
    first = apply_shift(same, "gaussian_noise", 1, "both", 0)
    others = [
        first.test_images,
        apply_shift(same, "gaussian_noise", 1, "both", 1).train_images,
        apply_shift(replace(same, name="figures"), "gaussian_noise", 1, "both", 0).train_images,
    ]
    for other in others:
        assert not torch.equal(first.train_images, other)


def test_the_shift_follows_the_condition_and_gives_the_statistics() -> None:
    """Shuffled pixels are blurred after shuffling; mean and deviation are those of the whole shifted training half."""
    plain = prepare(DIGITS, DataSpec(corruption="shuffled_pixels"))
    blurred = DataSpec(corruption="shuffled_pixels", shift="zoom_blur", severity=5)
    both = prepare(DIGITS, blurred)
    for before, after in ((plain.train_images, both.train_images), (plain.test_images, both.test_images)):
        assert torch.equal(after, apply_common_corruption(before, "zoom_blur", 5, generator(0)))
    assert float(both.mean) == pytest.approx(float(both.train_images.double().mean()), rel=1e-6)
    part = prepare(DIGITS, replace(blurred, train_size=100))
    assert torch.equal(part.mean, both.mean)
    assert torch.equal(part.std, both.std)


def test_a_shift_on_the_test_images_leaves_training_alone() -> None:
    """Images, labels and statistics."""
    plain, tested = data_of(Recipe()), data_of(Recipe(shift="fog", severity=4, shift_on="test"))
    for name in ("train_images", "train_labels", "mean", "std", "test_labels"):
        assert torch.equal(getattr(plain, name), getattr(tested, name))
    assert not torch.equal(plain.test_images, tested.test_images)


def test_noisy_labels_and_a_shift_go_together() -> None:
    """The same labels as without the shift."""
    half = DataSpec(train_size=600, corruption="partial_labels", corruption_p=0.5)
    noisy, shifted = (prepare(DIGITS, spec) for spec in (half, replace(half, shift="contrast", severity=2)))
    assert torch.equal(noisy.train_labels, shifted.train_labels)
    assert noisy.labels_changed == shifted.labels_changed > 0.3


def test_networks_on_shifted_data_are_trained_side_by_side() -> None:
    """Recipes that differ in the shift have one shape and data of their own."""
    names: tuple[CommonCorruption, ...] = ("fog", "frost")
    recipes = [Recipe(), *(Recipe(shift=name, severity=s) for name in names for s in (1, 5))]
    assert {shape_of(recipe) for recipe in recipes} == {Recipe()}
    assert len({data_of(recipe).train_images.numpy().tobytes() for recipe in recipes}) == 5


def test_each_member_of_a_fleet_sees_its_own_shift() -> None:
    """Side by side the losses are those of each alone, and differ from each other."""
    plain = Recipe(train_size=64, max_epochs=2)
    recipes = [plain, plain.replace(shift="contrast", severity=5), plain.replace(shift="fog", severity=5)]
    together = {run.recipe: run.record.test_loss for run in train(recipes, fleet=3)}
    alone = {run.recipe: run.record.test_loss for run in train(recipes, fleet=1)}
    assert len(set(together.values())) == 3
    assert together == pytest.approx(alone, rel=1e-4)


def test_a_contradiction_is_refused() -> None:
    """As it is by the recipe."""
    with pytest.raises(ValueError, match="severity must be 0 without a shift; got 2"):
        DataSpec(severity=2)
    with pytest.raises(ValueError, match="shift must be None with corruption='gaussian'"):
        DataSpec(corruption="gaussian", shift="fog", severity=2)
