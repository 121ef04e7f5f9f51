"""Standard error of a difference of Psi: the model against its simulation."""

import numpy as np
import pytest

from leaderboard.statistics.granulated import Grid, agreement, grid_of
from leaderboard.statistics.power import OF_A_PAIR, OF_TWO, TYPICAL, difference_error
from leaderboard.statistics.undefined import UndefinedError

RHO = np.sin(np.pi / 2 * TYPICAL)


def grid(shape: tuple[int, ...]) -> Grid:
    """A full grid."""
    levels = {str(axis): code.ravel() for axis, code in enumerate(np.indices(shape))}
    return grid_of(levels, int(np.prod(shape)))


@pytest.mark.parametrize("shape", [(2, 2, 2, 2, 2), (3, 4), (2, 5, 2)])
def test_the_model_is_its_simulation(shape: tuple[int, ...]) -> None:
    """Two measures that correlate with the target alike, 2,000 times: their Psi and the spread of the difference."""
    on, rng = grid(shape), np.random.default_rng(0)
    psi: list[list[float]] = []
    for _ in range(2000):
        g = rng.normal(size=on.size)
        scores = RHO * g[:, None] + np.sqrt(1 - RHO**2) * rng.normal(size=(on.size, 2))
        psi.append(np.mean([axis.mean(agreement(axis, scores, g)) for axis in on.axes.values()], axis=0).tolist())
    found = np.array(psi)

    assert found.mean() == pytest.approx(TYPICAL, abs=0.02)
    assert (found[:, 0] - found[:, 1]).std() == pytest.approx(difference_error(on), rel=0.06)


def test_the_two_constants() -> None:
    """Of pairs that share one configuration, drawn 400,000 times."""
    rng = np.random.default_rng(0)
    g = rng.normal(size=(3, 400_000))
    first, second = (RHO * g + np.sqrt(1 - RHO**2) * rng.normal(size=g.shape) for _ in range(2))
    ab, ac = ((np.sign(first[0] - first[k]) - np.sign(second[0] - second[k])) * np.sign(g[0] - g[k]) for k in (1, 2))

    assert np.mean(ab * ab) == pytest.approx(OF_A_PAIR, abs=0.02)
    assert np.mean(ab * ac) == pytest.approx(OF_TWO, abs=0.01)


def test_twice_the_networks_settle_smaller_differences() -> None:
    """By at least the root of two from one hyperparameter more; and nothing is settled without neighbours."""
    assert difference_error(grid((2,) * 6)) < difference_error(grid((2,) * 5)) / np.sqrt(2)
    with pytest.raises(UndefinedError, match="exactly one hyperparameter"):
        difference_error(grid_of({"a": np.array([0, 1]), "b": np.array([0, 1])}, 2))
