"""Test errors under common corruptions against errors counted by hand."""

import pytest
import torch

from leaderboard.ledger.targets import is_target
from tests.zoo.observations.test_observed import Always, trained
from zoo.corruptions import COMMON_CORRUPTIONS, apply_common_corruption
from zoo.observations.under_shift import SEVERITY, error_under_severities, error_under_shift
from zoo.recipe import Recipe
from zoo.seeds import generator
from zoo.training.record import normalised

BASE = Recipe(train_size=64, batch_size=16, width=0.25, unlabeled="half_of_test")


def test_errors_are_those_of_the_corrupted_test_images() -> None:
    """Of the half on which the gap is measured, with draws that depend on the set and the corruption alone."""
    case = trained(BASE)
    observed = error_under_shift(case)

    assert set(observed) == {"clean_error", *(f"error_{name}" for name in COMMON_CORRUPTIONS)}
    draws = generator("digits", "fog", "error_under_shift")
    images = apply_common_corruption(case.data.test_images, "fog", SEVERITY, draws)
    answers = case.network(normalised(images, case.data)).argmax(1)
    assert len(images) == 250
    assert observed["error_fog"] == pytest.approx(float((answers != case.data.test_labels).double().mean()))


def test_a_constant_answer_is_as_wrong_under_every_corruption() -> None:
    """Labels stay: nine tenths of a balanced set."""
    case = trained(BASE, Always(3))
    wrong = float((case.data.test_labels != 3).double().mean())
    assert error_under_shift(case) == pytest.approx(dict.fromkeys(error_under_shift(case), wrong))


def test_training_on_corrupted_images_leaves_the_tested_images_alone() -> None:
    """Another seed and a shift of the training images change the network's input scale, not the images tested."""
    shifted = trained(BASE.replace(shift="brightness", severity=3, shift_on="train", seed=5))
    assert len(error_under_shift(shifted)) == 16
    assert torch.equal(shifted.data.test_images, trained(BASE).data.test_images)


@pytest.mark.parametrize(
    "changes", [{"shift": "fog", "severity": 1}, {"corruption": "gaussian"}, {"pairs": 1, "unlabeled": "none"}]
)
def test_nothing_is_observed_where_test_images_are_not_plain(changes: dict[str, object]) -> None:
    """Shifted already, no grey levels, or pairs."""
    assert error_under_shift(trained(BASE.replace(**changes))) == {}


def test_every_severity_is_a_target() -> None:
    """Those of severity 3 are those of `error_under_shift`; the number of images stands beside them."""
    case = trained(BASE)
    every, third = error_under_severities(case), error_under_shift(case)

    assert len(every) == 15 * 5 + 2
    assert every["size.error_under"] == 250
    assert every["error_under.clean"] == third["clean_error"]
    assert all(every[f"error_under.{name}.3"] == third[f"error_{name}"] for name in COMMON_CORRUPTIONS)
    assert all(is_target(name) or name.startswith("size.") for name in every)
    draws = generator("digits", "snow", "error_under_shift")
    images = apply_common_corruption(case.data.test_images, "snow", 5, draws)
    answers = case.network(normalised(images, case.data)).argmax(1)
    wrong = float((answers != case.data.test_labels).double().mean())
    assert every["error_under.snow.5"] == pytest.approx(wrong)
