"""Means over strata: their values, their resamples, and the reasons where a stratum lacks one."""

import numpy as np
import pytest

from leaderboard.ranking.entry import Intervals, StrataCounts
from leaderboard.ranking.statistics_of import Draws, Judged
from leaderboard.ranking.strata import average_over
from leaderboard.statistics.resampling import interval
from leaderboard.statistics.undefined import Reasons
from tests.leaderboard.reports import statistics


def judged(value: float | None, draws: np.ndarray[tuple[int], np.dtype[np.float64]] | None) -> Judged:
    """A measure whose tau-b and Psi are one number."""
    ends = None if draws is None or value is None else interval(draws)
    why = {"tau_b": "No pair.", "Psi": "No pair."} if value is None else {}
    why |= {"interval.tau_b": "Too few.", "interval.Psi": "Too few."} if ends is None else {}
    nothing = np.full(200, np.nan) if draws is None else draws
    found = statistics(tau_b=value, Psi=value, interval=Intervals(tau_b=ends, Psi=ends), why=why)
    return Judged(found, Draws(tau_b=nothing, Psi=nothing))


def test_the_interval_is_of_the_means_of_the_resamples() -> None:
    """Of the strata that have the figure; the others are not counted as zero."""
    first, second = np.random.default_rng(0).normal(size=(2, 200))
    why = Reasons()
    strata = {
        "a": (9, {"m": judged(0.2, first)}),
        "b": (9, {"m": judged(0.8, second)}),
        "c": (1, {"m": judged(None, None)}),
    }
    mean = average_over(strata, "m", "within", why)

    assert mean.Psi == pytest.approx(0.5)
    assert mean.range.Psi == (0.2, 0.8)
    assert mean.strata == StrataCounts(tau_b=2, Psi=2)
    assert mean.interval.tau_b == pytest.approx(np.quantile((first + second) / 2, [0.025, 0.975]).tolist())
    assert why == {}


def test_a_stratum_without_an_interval_leaves_the_mean_without_one() -> None:
    """With its reason; and no stratum with the figure leaves no mean."""
    why = Reasons()
    draws = np.random.default_rng(0).normal(size=200)
    mean = average_over({"a": (9, {"m": judged(0.2, draws)}), "b": (2, {"m": judged(0.4, None)})}, "m", "within", why)
    nothing = average_over({"a": (1, {"m": judged(None, None)})}, "m", "across", why)

    assert mean.Psi == pytest.approx(0.3)
    assert mean.interval.Psi is None
    assert (nothing.Psi, nothing.range.Psi, nothing.interval.Psi) == (None, None, None)
    assert why["within.interval.Psi"] == "Too few."
    assert why["across.Psi"] == "No pair."
