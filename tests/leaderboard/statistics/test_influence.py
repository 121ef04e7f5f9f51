"""The spread of Psi: against a transcription over pairs of pairs, and against the spread between redrawn networks."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leaderboard.statistics.granulated import Grid, agreement, granulated, grid_of
from leaderboard.statistics.influence import Influence, Layout
from leaderboard.statistics.resampling import draw
from leaderboard.statistics.undefined import UndefinedError

Floats = NDArray[np.float64]


def influence_of(grid: Grid, scores: Floats, target: Floats) -> Influence:
    """Of one measure [n]."""
    mu, g = grid.average(scores), grid.average(target)
    return Layout(grid).influence({name: agreement(axis, mu, g)[:, None] for name, axis in grid.axes.items()})


def naive_variance(grid: Grid, scores: Floats, target: Floats) -> tuple[float, float]:
    """Sums of w e w' e' over ordered pairs of pairs that share a configuration; and of each configuration's own sum.

    A pair of pairs of the same two configurations counts once, however many networks they have.
    """
    mu, g = grid.average(scores).tolist(), grid.average(target).tolist()
    terms = []
    for axis in grid.axes.values():
        cells = np.repeat(np.arange(len(axis.starts)), np.diff(axis.starts, append=len(axis.first)))
        sizes = np.bincount(cells)
        points = [
            (
                {int(grid.of_unit[a]), int(grid.of_unit[b])},
                1 / (len(sizes) * sizes[cell] * len(grid.axes)),
                ((mu[a] > mu[b]) - (mu[a] < mu[b])) * ((g[a] > g[b]) - (g[a] < g[b])),
            )
            for a, b, cell in zip(axis.first.tolist(), axis.second.tolist(), cells.tolist(), strict=True)
        ]
        psi = sum(w * s for _, w, s in points) * len(grid.axes)
        terms += [(ends, w * (s - psi)) for ends, w, s in points]
    dyadic = sum(x * y for (here, x), (there, y) in product(terms, terms) if here & there)
    own = sum(sum(x for ends, x in terms if c in ends) ** 2 for c in range(grid.size))
    return dyadic, own


@pytest.mark.parametrize("kept", [False, True])
def test_the_variance_is_the_sum_over_pairs_that_share_a_configuration(
    random_ledgers: list[Any], *, kept: bool
) -> None:
    """With ties, holes and replicates, averaged or kept; at least half of the sum of the configurations' own."""
    compared = 0
    for small in random_ledgers:
        grid = grid_of(small.levels, len(small.target), kept=kept)
        try:
            found = influence_of(grid, small.scores, small.target)
        except UndefinedError:
            continue
        dyadic, own = naive_variance(grid, small.scores, small.target)
        ends = {int(grid.of_unit[a]) for axis in grid.axes.values() for a in (*axis.first, *axis.second)}
        factor = len(ends) / (len(ends) - len(grid.axes))
        assert found.variance()[0] == pytest.approx(factor * max(dyadic, own / 2), abs=1e-12)
        assert np.square(found.of_configuration).sum() == pytest.approx(own, abs=1e-12)
        compared += 1
    assert compared >= 10


def test_draws_have_the_variance_and_the_mean_zero() -> None:
    """Over many resamples of configurations; the multinomial takes 1 / c of the variance away."""
    rng = np.random.default_rng(0)
    levels = {name: c.ravel() for name, c in zip("abc", np.indices((4, 4, 4)), strict=True)}
    found = influence_of(grid_of(levels, 64), rng.normal(size=64), rng.normal(size=64))
    draws = found.draws(draw(64, 20_000, rng))[:, 0]

    assert draws.mean() == pytest.approx(0, abs=4 * draws.std() / np.sqrt(20_000))
    assert draws.var() == pytest.approx(found.variance()[0], rel=0.06)


def test_degrees_of_freedom_are_satterthwaites() -> None:
    """Of sums that weigh alike their number; of one that outweighs the others about one; of none the least."""
    own = np.array([[1.0, 9.0, 0.0], [-1.0, 0.1, 0.0], [1.0, -0.1, 0.0], [-1.0, 0.2, 0.0]])
    found = Influence(own, np.zeros((1, 3)), 1.0).degrees()

    assert found[0] == pytest.approx(4)
    assert found[1] == pytest.approx((81 + 0.06) ** 2 / (9**4 + 2 * 0.1**4 + 0.2**4))
    assert found[2] == 1


@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_the_variance_is_that_between_redrawn_networks(signal: float) -> None:
    """Whether the score follows the target or not: the mean estimate against the variance of Psi over 600 ledgers."""
    rng = np.random.default_rng(1)
    levels = {name: c.ravel() for name, c in zip("abcd", np.indices((3, 3, 3, 3)), strict=True)}
    grid = grid_of(levels, 81)
    psi, estimates = [], []
    for _ in range(600):
        g = rng.normal(size=81)
        mu = signal * g + rng.normal(size=81)
        psi.append(granulated(grid, mu, g)[0])
        estimates.append(influence_of(grid, mu, g).variance()[0])

    assert np.mean(estimates) / np.var(psi) == pytest.approx(1, abs=0.2)


def test_differences_are_of_the_same_networks() -> None:
    """The spread of the difference of a measure and itself is 0, and of the difference with its negative twice."""
    rng = np.random.default_rng(2)
    levels = {name: c.ravel() for name, c in zip("ab", np.indices((4, 4)), strict=True)}
    found = influence_of(grid_of(levels, 16), rng.normal(size=16), rng.normal(size=16))

    assert found.beside(found).variance()[0] == 0
    assert found.beside(found.turn(np.array([-1.0]))).variance()[0] == pytest.approx(4 * found.variance()[0])


def test_few_configurations_have_no_spread() -> None:
    """Five with a neighbour are too few, however many stand alone."""
    levels = {"a": np.array([0, 1, 2, 3, 4, 5, 6]), "b": np.array([0, 0, 0, 0, 0, 1, 2])}
    with pytest.raises(UndefinedError, match="at least 6 configurations that have a neighbour; there are 5"):
        Layout(grid_of(levels, 7))
