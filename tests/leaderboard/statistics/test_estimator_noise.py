"""Estimator noise by hand."""

import numpy as np
import pytest

from leaderboard.statistics.estimator_noise import estimator_noise, rank_noise
from leaderboard.statistics.undefined import UndefinedError


def test_two_networks_and_two_draws_by_hand() -> None:
    """Variances over draws 2 and 0, means 1 and 5: the root of 1 over 4 / sqrt(2)."""
    assert estimator_noise(np.array([[0.0, 5.0], [2.0, 5.0]])) == pytest.approx(1 / (4 / 2**0.5), rel=1e-15)


def test_a_shift_common_to_all_networks_moves_no_rank() -> None:
    """The scores have noise, the ranks none."""
    scores = np.array([[1.0, 2.0, 4.0], [3.0, 4.0, 6.0]])

    assert estimator_noise(scores) > 0.5
    assert rank_noise(scores) == 0


def test_pure_noise_has_a_ratio_above_one() -> None:
    """Of S draws the mean has a variance S times smaller: the ratio is near the root of S."""
    scores = np.random.default_rng(0).standard_normal((4, 2000))

    assert estimator_noise(scores) == pytest.approx(2, rel=0.05)
    assert rank_noise(scores) == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("scores", [np.ones((2, 3)), np.arange(3.0)[None], np.arange(3.0)[:, None]])
def test_without_a_spread_there_is_no_ratio(scores: np.ndarray) -> None:
    """Equal networks, one draw, one network."""
    with pytest.raises(UndefinedError):
        estimator_noise(scores)
