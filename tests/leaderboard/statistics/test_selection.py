"""Regret and hit rate of a pick: against drawn pools, at the ends, with ties, weights and strata."""

import numpy as np
import pytest

from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.selection import Pools, estimate
from leaderboard.statistics.undefined import UndefinedError

NONE = np.zeros((0, 30))


def pools(target: Floats, counts: Floats = NONE, **options: int) -> Pools:
    """Pools of 5 networks, all of one stratum and each a configuration."""
    n = len(target)
    return Pools(target, np.zeros(n, dtype=np.int64), np.arange(n), counts, **{"size": 5, "top": 2} | options)


@pytest.mark.parametrize("decimals", [8, 1])
def test_drawn_pools(decimals: int) -> None:
    """100,000 pools have the same means, also where scores tie."""
    rng = np.random.default_rng(0)
    target = rng.uniform(size=30)
    scores = np.round(target + 0.3 * rng.normal(size=30), decimals)
    found = pools(target).of(scores)
    drawn = rng.integers(0, 30, (100_000, 5))
    first = (scores[drawn] + 1e-9 * rng.uniform(size=drawn.shape)).argmin(axis=1)
    pick = target[np.take_along_axis(drawn, first[:, None], axis=1)[:, 0]]
    best = target[drawn].min(axis=1).mean()

    assert found.regret[0] == pytest.approx((pick.mean() - best) / (target.mean() - best), abs=0.01)
    assert found.hits[0] == pytest.approx(((target[drawn] < pick[:, None]).sum(axis=1) < 2).mean(), abs=0.01)


def test_the_ends() -> None:
    """The target itself picks the best, a constant picks at random, and the reverse is worse than that."""
    target = np.random.default_rng(1).uniform(size=30)
    some = pools(target)

    assert some.of(target).regret[0] == pytest.approx(0, abs=1e-12)
    assert some.of(target).hits[0] == pytest.approx(1)
    assert some.of(np.ones(30)).regret[0] == pytest.approx(1)
    assert some.of(-target).regret[0] > 1.5


def test_a_resample_is_the_ledger_with_copies() -> None:
    """A weight of two is a network that occurs twice; a weight of none is one that is absent."""
    rng = np.random.default_rng(2)
    target, scores = rng.uniform(size=30), rng.normal(size=30)
    counts = rng.multinomial(30, np.full(30, 1 / 30), size=1).astype(np.float64)
    copies = np.repeat(np.arange(30), counts[0].astype(int))
    weighted, copied = pools(target, counts).of(scores), pools(target[copies]).of(scores[copies])

    assert weighted.regret[1] == pytest.approx(copied.regret[0])
    assert weighted.hits[1] == pytest.approx(copied.hits[0])


def test_pools_are_of_one_stratum() -> None:
    """A score that only knows the stratum picks at random."""
    target = np.concatenate([np.linspace(0, 1, 15), np.linspace(5, 6, 15)])
    stratum = np.repeat([0, 1], 15)
    apart = Pools(target, stratum, np.arange(30), NONE, size=5, top=2)

    assert apart.of(stratum.astype(np.float64)).regret[0] == pytest.approx(1)
    assert pools(target).of(stratum.astype(np.float64)).regret[0] < 0.2


def test_intervals_and_refusals() -> None:
    """The interval is that of the resamples; of few configurations there is none; nothing to select is an error."""
    draws = np.concatenate([[0.5], np.linspace(0, 1, 1001)])

    assert estimate(draws, 30).interval == pytest.approx((0.025, 0.975))
    assert estimate(draws, 2).interval is None
    with pytest.raises(UndefinedError, match="nothing to select"):
        Pools(np.repeat([0.0, 1.0], 5), np.repeat([0, 1], 5), np.arange(10), np.zeros((0, 10)), size=5, top=2)
