"""Support of a reference: numbers, text, missing columns, and what all networks share."""

import pandas as pd

from leaderboard.prediction.support import Difference, compare_support


def test_numbers_and_text_outside_the_reference() -> None:
    """A number is outside beyond the ends; text if it does not occur; an equal value is inside."""
    reference = pd.DataFrame({"hp.width": [8, 16, 32], "hp.model": ["mlp", "mlp", "vit"]})
    networks = pd.DataFrame({"hp.width": [8, 20, 64], "hp.model": ["mlp", "mixer", "vit"]})
    found = compare_support(reference, networks)

    assert found.common == ()
    assert found.own[0] == ()
    assert found.own[1] == (Difference("model", "model is mixer, in the reference mlp, vit"),)
    assert found.own[2] == (Difference("width", "width is 64, in the reference 8 to 32"),)


def test_what_all_networks_share_is_said_once() -> None:
    """Another data set is a fact about the zoo; a hyperparameter that one table lacks is named."""
    reference = pd.DataFrame({"hp.dataset": ["digits"] * 2, "train_accuracy": [0.98, 1.0]})
    networks = pd.DataFrame(
        {
            "hp.dataset": ["cifar10"] * 2,
            "hp.rate": [1.0, 2.0],
            "train_accuracy": [0.99, 0.5],
            "converged": [True, False],
        }
    )
    found = compare_support(reference, networks)

    assert found.common == (
        "dataset is cifar10, in the reference digits",
        "not compared, since only one of the two tables says it: rate",
    )
    assert found.own[0] == ()
    assert [one.name for one in found.own[1]] == ["train_accuracy", "converged"]
