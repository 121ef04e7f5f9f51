"""Test the verdict beside all hyperparameters: its level where scores follow them at random, and its power."""

import numpy as np
import pytest

from leaderboard.statistics.permutation import LEVEL
from tests.leaderboard.simulations.beside_hyperparameters import verdicts


@pytest.mark.parametrize("order", [1, 2])
def test_following_hyperparameters_is_no_verdict(order: int) -> None:
    """Of 800 scores in 40 ledgers 5 % have a p-value of at most 5 %; those that know the gap are found."""
    rng = np.random.default_rng(0)
    alone = [verdicts(rng, 0.0, 60, order)[2] for _ in range(40)]
    found = [verdicts(rng, 1.0, 60, order)[1] for _ in range(3)]

    assert np.mean(alone) <= LEVEL + 3 * np.std(alone) / np.sqrt(len(alone)) + 0.01
    assert np.mean(alone) < 0.1
    assert np.mean(found) > 0.9
