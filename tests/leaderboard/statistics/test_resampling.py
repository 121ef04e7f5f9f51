"""The bootstrap: each resample of tau-b against tau-b of the networks that it draws, bounds, Student's tails."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, norm
from scipy.stats import t as students

from leaderboard.statistics import resampling
from leaderboard.statistics.granulated import grid_of
from leaderboard.statistics.resampling import (
    TauBDraws,
    all_alike,
    draw,
    interval,
    normal_score,
    student,
    within_bounds,
)
from leaderboard.statistics.undefined import UndefinedError

DRAWS = 20


@pytest.mark.parametrize("rows", [3, resampling.ROWS])
def test_a_resample_of_tau_b_is_tau_b_of_the_networks_drawn(
    random_ledgers: list[Any], monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """With a configuration's replicates drawn together, and a network twice where its configuration is."""
    monkeypatch.setattr(resampling, "ROWS", rows)
    for seed, small in enumerate(random_ledgers):
        grid = grid_of(small.levels, len(small.target))
        counts = draw(grid.size, DRAWS, np.random.default_rng(seed))
        found = TauBDraws(counts, grid.configuration, small.target).of(small.scores)
        for count, value in zip(counts, found, strict=True):
            drawn = np.repeat(np.arange(len(small.target)), count[grid.configuration].astype(np.int64))
            mu, g = small.scores[drawn], small.target[drawn]
            if np.ptp(mu) == 0 or np.ptp(g) == 0:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(kendalltau(mu, g).statistic, abs=1e-12)


def test_draws_of_a_coefficient_stay_within_its_bounds() -> None:
    """Small departures are carried over as they are, large ones lean back; a perfect coefficient stays."""
    departures = np.array([-1e-6, 0, 1e-6, 3.0, -3.0])
    draws = within_bounds(0.8, departures)

    np.testing.assert_allclose(draws[:3] - 0.8, departures[:3], rtol=1e-4, atol=1e-15)
    assert (np.abs(draws) <= 1).all()
    assert draws[3] == pytest.approx(np.tanh(np.arctanh(0.8) + 3 / 0.36), abs=1e-12)
    np.testing.assert_array_equal(within_bounds(-1.0, np.zeros(2)), [-1, -1])


def test_normal_departures_become_students() -> None:
    """Of 3, 12 and very many degrees: the quantiles of Student's distribution and of the normal one."""
    rng = np.random.default_rng(1)
    degrees = np.array([3.0, 12.0, 1e9])
    draws = student(rng.normal(size=(200_000, 3)), degrees, rng.random(200_000))

    for level in (0.75, 0.975):
        found = np.quantile(draws, level, axis=0)
        assert found == pytest.approx([*students.ppf(level, degrees[:2]), norm.ppf(level)], rel=0.03)
    assert (np.quantile(draws, 0.025, axis=0) < 0).all()


def test_an_interval_without_width_needs_six_disjoint_comparisons() -> None:
    """Five that agree may do so by chance, six seldom; an interval that has a width needs three."""
    same, other = np.ones(100), np.linspace(0, 1, 100)

    assert interval(same, 6) == interval(same) == (1, 1)
    assert interval(other, 3) == interval(other)
    for draws, comparisons in ((same, 5), (same + 1e-9 * other, 5), (other, 2)):
        with pytest.raises(UndefinedError, match=str(comparisons)):
            interval(draws, comparisons)


def test_tosses_all_agree_so_often() -> None:
    """Two of 2^m outcomes; one toss agrees with itself."""
    for count in range(1, 8):
        alike = [len(set(tosses)) == 1 for tosses in product("HT", repeat=count)]
        assert all_alike(count) == np.mean(alike)
    assert all_alike(0) == 1


def test_a_normal_score_is_as_far_out() -> None:
    """With the sign, far out as well, and the same for any number of degrees that is large."""
    t, degrees = np.array([-2.5, 0.0, 1.0, 9.0]), np.array([4.0, 4.0, 30.0, 12.0])

    assert normal_score(t, degrees) == pytest.approx(-norm.ppf(students.sf(t, degrees)), abs=1e-9)
    assert normal_score(t, np.full(4, np.inf)) == pytest.approx(t, abs=1e-9)


def test_a_draw_takes_as_many_configurations_as_there_are() -> None:
    """With replacement: in the mean each appears once, and 1/e of them not at all."""
    counts = draw(50, 2000, np.random.default_rng(0))

    assert (counts.sum(axis=1) == 50).all()
    assert (counts == 0).mean() == pytest.approx((1 - 1 / 50) ** 50, abs=0.01)
    assert draw(0, 3, np.random.default_rng(0)).shape == (3, 0)


def test_the_interval_is_the_central_95_percent() -> None:
    """Of 0, 1, ..., 1000: 25 to 975; resamples without a value are left out, unless they are most."""
    draws = np.arange(1001.0)
    assert interval(draws) == pytest.approx([25, 975], rel=1e-12)
    assert interval(np.concatenate([draws, np.full(1001, np.nan)])) == pytest.approx([25, 975], rel=1e-12)
    with pytest.raises(UndefinedError, match="Only 1001 of 2003"):
        interval(np.concatenate([draws, np.full(1002, np.nan)]))
    with pytest.raises(UndefinedError, match="No resamples"):
        interval(np.array([]))
