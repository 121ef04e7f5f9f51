"""Intervals of the statistics given the hyperparameters: transcriptions, the interval of Fisher, their coverage."""

import numpy as np
import pytest
from scipy.stats import norm

from leaderboard.statistics.beside import interval_of_correlation, interval_of_reduction
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.resampling import draw
from leaderboard.statistics.undefined import UndefinedError
from tests.leaderboard.simulations.given_hyperparameters import held
from tests.leaderboard.simulations.interval_coverage import searched


def ends_by_hand(first: Floats, second: Floats, weights: Floats, widening: float) -> tuple[float, float]:
    """Compute the interval of a correlation one resample at a time, from copies of the networks that are drawn."""
    centre = np.arctanh(np.corrcoef(first, second)[0, 1])
    found = []
    for row in weights.astype(int):
        drawn = np.repeat(np.arange(len(first)), row)
        departure = np.arctanh(np.corrcoef(first[drawn], second[drawn])[0, 1]) - centre
        found.append(np.tanh(centre + widening * departure))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize("widening", [1.0, 1.3])
def test_the_interval_of_a_correlation_by_hand(widening: float) -> None:
    """Resample by resample, from copies of the networks that are drawn."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=25)
    second = 0.6 * first + rng.normal(size=25)
    weights = draw(25, 400, rng)

    found = interval_of_correlation(first, second, weights, widening)
    assert found == pytest.approx(ends_by_hand(first, second, weights, widening), rel=1e-9)


def test_the_interval_of_a_correlation_is_that_of_fisher() -> None:
    """Of normal residuals the ends are tanh(artanh r -+ 1.96 f / sqrt(n - 3))."""
    rng = np.random.default_rng(1)
    n, f = 4000, 1.2
    first = rng.normal(size=n)
    second = 0.5 * first + rng.normal(size=n)
    centre = np.arctanh(np.corrcoef(first, second)[0, 1])
    half = f * norm.isf(0.025) / np.sqrt(n - 3)

    found = interval_of_correlation(first, second, draw(n, 2000, rng), f)
    assert (found.high - found.low) == pytest.approx(np.tanh(centre + half) - np.tanh(centre - half), rel=0.1)
    assert (found.low + found.high) / 2 == pytest.approx(np.tanh(centre), abs=0.2 * half)


def test_the_interval_of_a_reduction_in_closed_form() -> None:
    """Of two networks with errors 1 and 3 in place of 4 and 4, three resamples: 1 - 9/16, 1 - 5/16 and 1 - 1/16."""
    weights = np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]])
    value = 1 - 10 / 32
    draws = value + 1.5 * (np.array([7 / 16, value, 15 / 16]) - value)

    found = interval_of_reduction(np.array([1.0, 3.0]), np.array([4.0, 4.0]), weights, 1.5)
    assert found == pytest.approx(np.quantile(draws, [0.025, 0.975]), rel=1e-12)


def test_resamples_without_contrast_have_no_value() -> None:
    """If most draw one network alone there is no interval."""
    weights = np.array([[3.0, 0.0, 0.0]] * 3 + [[1.0, 1.0, 1.0]])

    with pytest.raises(UndefinedError, match="Only 1 of 4"):
        interval_of_correlation(np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0]), weights, 1.0)


def test_coverage() -> None:
    """Of 60 searched ledgers the intervals of the correlations hold the truth in about 95 %."""
    found = held(searched(50), 1, ledgers=60, redrawn=60, count=200)
    shares = [share for (figure, _), (_, share) in found.items() if figure != "increment"]

    assert np.mean(shares) == pytest.approx(0.95, abs=0.05)
