"""Building blocks of claims against tables by hand."""

import pandas as pd
import pytest

from leaderboard.claims.effects import accuracy_under_shift, chosen_on_other_seeds


def test_no_seed_chooses_its_own_level() -> None:
    """Seed 0 is best at "b", the others at "a": 0 gets "a", and the others what the mean with 0 prefers."""
    frame = pd.DataFrame(
        {
            "seed": [0, 0, 1, 1, 2, 2],
            "level": ["a", "b"] * 3,
            "value": [0.0, 1.0, 0.6, 0.5, 0.7, 0.5],
        }
    )
    chosen = chosen_on_other_seeds(frame, "level", "value")

    assert dict(zip(chosen["seed"], chosen["level"], strict=True)) == {0: "a", 1: "b", 2: "b"}
    assert chosen_on_other_seeds(frame[frame["seed"] == 0], "level", "value").empty
    assert chosen_on_other_seeds(frame[:0], "level", "value").empty


def test_accuracy_under_shift_is_a_mean_over_corruptions() -> None:
    """Of errors 0.1 and 0.3; the clean error is not one of them."""
    ledger = pd.DataFrame({"observed.error_fog": [0.1], "observed.error_snow": [0.3], "observed.clean_error": [0.0]})

    assert accuracy_under_shift(ledger).tolist() == pytest.approx([0.8])
