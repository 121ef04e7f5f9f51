"""The bootstrap: each resample of tau-b against tau-b of the networks that it draws, and the ends of intervals."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, kendalltau, norm
from scipy.stats import t as students

from leaderboard.statistics import resampling
from leaderboard.statistics.granulated import grid_of
from leaderboard.statistics.resampling import (
    Interval,
    TauBDraws,
    all_alike,
    confidence_draws,
    draw,
    interval,
    normal_score,
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


def ends(value: float, share: float, comparisons: int) -> Interval:
    """The interval of a coefficient with this share of the variance of independent disjoint comparisons."""
    rng = np.random.default_rng(0)
    variance = share * (1 - value**2) / comparisons
    return interval(confidence_draws(value, rng.normal(size=4000), variance, comparisons, rng.random(4000)))


@pytest.mark.parametrize("comparisons", [3, 16, 64])
def test_with_the_variance_of_independent_comparisons_the_interval_is_the_binomials(comparisons: int) -> None:
    """That of Clopper and Pearson, as SciPy computes it, for each number of comparisons that agree."""
    for agreeing in {0, 1, comparisons // 2, comparisons - 1, comparisons}:
        exact = binomtest(agreeing, comparisons).proportion_ci(0.95, method="exact")
        low, high = ends(2 * agreeing / comparisons - 1, 1.0, comparisons)

        assert (1 + low) / 2 == pytest.approx(exact.low, abs=2e-3)
        assert (1 + high) / 2 == pytest.approx(exact.high, abs=2e-3)


@pytest.mark.parametrize("comparisons", [3, 16, 64])
@pytest.mark.parametrize("share", [0.2, 0.4, 0.7, 1.0])
def test_the_ends_rise_with_the_coefficient(share: float, comparisons: int) -> None:
    """From -1 to 1, and those of tau are those of -tau turned round."""
    found = np.array([ends(value, share, comparisons) for value in np.linspace(-1, 1, 201)])

    assert (np.diff(found, axis=0) >= -1e-9).all()
    assert found == pytest.approx(-found[::-1, ::-1], abs=1e-9)
    assert (found[:, 0] <= np.linspace(-1, 1, 201)).all()
    assert (found[:, 1] >= np.linspace(-1, 1, 201)).all()


def test_away_from_the_ends_an_interval_has_the_width_of_its_variance() -> None:
    """Four standard errors, little more, of a coefficient whose variance is a third of that of disjoint comparisons."""
    low, high = ends(0.3, 1 / 3, 100)

    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.91 / 300), rel=0.1)


def test_draws_keep_the_order_of_the_resamples() -> None:
    """Ties in the order of the shares; a resample without a value has none."""
    draws = np.array([0.3, np.nan, 0.1, 0.1, 0.2])
    found = confidence_draws(0.5, draws, 0.01, 10, np.array([0.1, 0.2, 0.9, 0.3, 0.5]))

    assert np.isnan(found[1])
    assert np.argsort(found[[0, 2, 3, 4]]).tolist() == [2, 1, 3, 0]
    assert confidence_draws(0.5, np.zeros(0), 0.0, 3, np.zeros(0)).shape == (0,)


def test_an_interval_needs_three_disjoint_comparisons() -> None:
    """Of two a spread is no estimate."""
    draws = np.linspace(0, 1, 100)

    assert interval(draws, 3) == interval(draws)
    with pytest.raises(UndefinedError, match="there are 2"):
        interval(draws, 2)


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
