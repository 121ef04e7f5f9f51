"""The bootstrap: each resample against the statistic computed on the networks that it draws, and its coverage."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kendalltau

from leaderboard.statistics.granulated import agreement, granulated, grid_of
from leaderboard.statistics.kendall import signs, tau_b
from leaderboard.statistics.resampling import draw, interval, psi_draws, psi_weights, tau_b_draws
from leaderboard.statistics.undefined import Undefined

DRAWS = 20


def psi_of(grid: Any, counts: Any, scores: Any, target: Any) -> NDArray[np.float64]:
    """Psi in each resample."""
    mu, g = grid.averaged(scores), grid.averaged(target)
    return psi_draws(psi_weights(grid, counts), {name: agreement(axis, mu, g) for name, axis in grid.axes.items()})


def test_a_resample_of_tau_b_is_tau_b_of_the_networks_drawn(random_ledgers: list[Any]) -> None:
    """With a configuration's replicates drawn together, and a network twice where its configuration is."""
    for seed, small in enumerate(random_ledgers):
        grid = grid_of(small.levels, len(small.target))
        counts = draw(grid.size, DRAWS, np.random.default_rng(seed))
        found = tau_b_draws(counts, grid.configuration, signs(small.scores), signs(small.target))
        for count, value in zip(counts, found, strict=True):
            drawn = np.repeat(np.arange(len(small.target)), count[grid.configuration].astype(np.int64))
            mu, g = small.scores[drawn], small.target[drawn]
            if np.ptp(mu) == 0 or np.ptp(g) == 0:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(kendalltau(mu, g).statistic, abs=1e-12)


def test_a_resample_of_psi_is_psi_of_the_configurations_present(random_ledgers: list[Any]) -> None:
    """A configuration is a place on the grid: a second copy changes nothing."""
    compared = 0
    for seed, small in enumerate(random_ledgers):
        grid = grid_of(small.levels, len(small.target))
        counts = draw(grid.size, DRAWS, np.random.default_rng(seed))
        if not grid.axes:
            assert psi_weights(grid, counts) == {}
            continue
        for count, value in zip(counts, psi_of(grid, counts, small.scores, small.target), strict=True):
            present = count[grid.configuration] > 0
            part = grid_of({name: code[present] for name, code in small.levels.items()}, int(present.sum()))
            if not part.axes:
                assert np.isnan(value)
            else:
                mu, g = part.averaged(small.scores[present]), part.averaged(small.target[present])
                expected = granulated(part, mu, g)[0] if np.ptp(g) > 0 else 0
                assert value == pytest.approx(expected, abs=1e-12)
                compared += 1
    assert compared > 400


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
        draws = {
            "tau_b": tau_b_draws(counts, grid.configuration, signs(mu), signs(g)),
            "Psi": psi_of(grid, counts, mu, g),
        }
        for name, values in draws.items():
            low, high = interval(values)
            held[name] += int(low <= truth[name] <= high)
            assert high - low < 0.9

    assert 0.88 <= held["tau_b"] / 150 <= 1
    assert 0.9 <= held["Psi"] / 150 <= 1
