"""Estimator noise by hand."""

import numpy as np
import pytest

from leaderboard.statistics.estimator_noise import estimator_noise, noise_ratio, noise_within, rank_noise, ranks_draws
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


def test_the_ratio_is_the_median_over_groups() -> None:
    """Deviations 1 and 2 over spreads 1 / sqrt(2), 2 / sqrt(2) and 4 / sqrt(2); a group without a spread is skipped."""
    scores = np.array([0.0, 1.0, 0.0, 2.0, 0.0, 4.0, 9.0, 9.0, 5.0])
    deviations = np.array([1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0])
    group = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4])

    assert noise_within(deviations, scores, group) == pytest.approx(2**0.5, rel=1e-15)
    assert noise_ratio(deviations, scores) == pytest.approx((21 / 9) ** 0.5 / scores.std(ddof=1), rel=1e-15)
    with pytest.raises(UndefinedError, match="No group"):
        noise_within(deviations[6:], scores[6:], group[6:])


def test_only_a_known_noise_above_the_limit_takes_the_rank() -> None:
    """0.2 itself is allowed, and what nobody measured is not held against a measure."""
    assert [ranks_draws(noise) for noise in (None, 0.0, 0.2, 0.21)] == [False, False, False, True]
