"""Test the projection of tau-b on configurations against its derivative, and against exact resamples."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leaderboard.statistics import projection
from leaderboard.statistics.granulated import grid_of
from leaderboard.statistics.projection import TauBProjection, tau_b_draws
from leaderboard.statistics.resampling import TauBDraws, draw

Floats = NDArray[np.float64]

STEP = 1e-5


def weighted(scores: Floats, target: Floats, weights: Floats) -> float:
    """Tau-b over pairs of networks, each with the product of its weights."""
    s_mu, s_g = (np.sign(x[:, None] - x) for x in (scores, target))
    pairs = np.outer(weights, weights)
    return float((pairs * s_mu * s_g).sum() / np.sqrt((pairs * s_mu**2).sum() * (pairs * s_g**2).sum()))


def test_the_influence_of_a_configuration_is_the_derivative_of_tau_b(random_ledgers: list[Any]) -> None:
    """With respect to how often it is drawn, at once each: all ties, replicates and holes included."""
    compared = 0
    for small in random_ledgers:
        grid = grid_of(small.levels, len(small.target))
        one_more = np.vstack([np.ones(grid.size), 1 + np.eye(grid.size)])
        tau, *found = TauBProjection(one_more, grid.configuration, small.target).of(small.scores)
        if np.ptp(small.scores) == 0 or np.ptp(small.target) == 0:
            assert np.isnan([tau, *found]).all()
            continue
        assert tau == pytest.approx(weighted(small.scores, small.target, np.ones(len(small.target))), abs=1e-12)
        for unit, value in enumerate(found):
            here = STEP * (grid.configuration == unit)
            up, down = (weighted(small.scores, small.target, 1 + sign * here) for sign in (1, -1))
            assert value - tau == pytest.approx((up - down) / (2 * STEP), abs=1e-7)
            compared += 1
    assert compared


@pytest.mark.parametrize("ties", [False, True])
def test_resamples_are_nearly_the_exact_ones(ties: bool) -> None:
    """Their spread and their order, with two networks in each of 300 configurations."""
    rng = np.random.default_rng(0)
    configuration = np.repeat(np.arange(300), 2)
    target = rng.normal(size=300)[configuration] + 0.3 * rng.normal(size=600)
    scores = target + 0.7 * rng.normal(size=600)
    if ties:
        scores, target = np.digitize(scores, [-1, 0, 1]).astype(np.float64), np.round(target, 1)
    counts = draw(300, 400, rng)
    exact = TauBDraws(counts, configuration, target).of(scores)
    found = TauBProjection(counts, configuration, target).of(scores)

    assert found.std() == pytest.approx(exact.std(), rel=0.05)
    assert np.corrcoef(found, exact)[0, 1] > 0.97


def test_few_networks_are_resampled_exactly() -> None:
    """Up to a number of networks, not of configurations: the exact sums are over pairs of networks."""
    for configurations, seeds, kind in ((500, 2, TauBDraws), (501, 2, TauBProjection)):
        configuration = np.repeat(np.arange(configurations), seeds)
        assert isinstance(
            tau_b_draws(np.ones((1, configurations)), configuration, configuration.astype(np.float64)), kind
        )
    assert projection.MOST_EXACT == 1000
