"""The bootstrap: each resample of tau-b against tau-b of the networks that it draws, bounds and coverage."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kendalltau

from leaderboard.statistics import resampling
from leaderboard.statistics.granulated import agreement, granulated, grid_of
from leaderboard.statistics.influence import Layout
from leaderboard.statistics.kendall import tau_b
from leaderboard.statistics.resampling import TauBDraws, draw, interval, within_bounds
from leaderboard.statistics.undefined import Undefined

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
    with pytest.raises(Undefined, match="Only 1001 of 2003"):
        interval(np.concatenate([draws, np.full(1002, np.nan)]))
    with pytest.raises(Undefined, match="No resamples"):
        interval(np.array([]))


def test_coverage() -> None:
    """On a grid of 36 configurations with two replicates the intervals hold the mean statistic 9 to 10 times of 10."""
    rng = np.random.default_rng(0)
    levels = {name: np.repeat(c.ravel(), 2) for name, c in zip("abc", np.indices((3, 4, 3)), strict=True)}
    grid = grid_of(levels, 72)
    layout = Layout(grid)
    effect = 0.5 * levels["a"] + 0.2 * levels["b"]

    def networks() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        g = effect + 0.3 * rng.normal(size=72)
        return g + 0.7 * rng.normal(size=72), g

    sample = [networks() for _ in range(600)]
    truth = {
        "tau_b": np.mean([tau_b(mu, g) for mu, g in sample]),
        "Psi": np.mean([granulated(grid, grid.averaged(mu), grid.averaged(g))[0] for mu, g in sample]),
    }
    held = {"tau_b": 0, "Psi": 0}
    for mu, g in sample[:150]:
        counts = draw(grid.size, 200, rng)
        means = grid.averaged(mu), grid.averaged(g)
        agreements = {name: agreement(axis, *means)[:, None] for name, axis in grid.axes.items()}
        psi = granulated(grid, *means)[0]
        draws = {
            "tau_b": TauBDraws(counts, grid.configuration, g).of(mu),
            "Psi": within_bounds(psi, layout.influence(agreements).draws(counts)[:, 0]),
        }
        for name, values in draws.items():
            low, high = interval(values)
            held[name] += int(low <= truth[name] <= high)
            assert high - low < 0.9

    assert 0.88 <= held["tau_b"] / 150 <= 1
    assert 0.88 <= held["Psi"] / 150 <= 1
