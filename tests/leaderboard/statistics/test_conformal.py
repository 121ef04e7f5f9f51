"""Split conformal intervals: their coverage in a simulation, their width on planted scores, refusals."""

import numpy as np
import pytest

from leaderboard.statistics.conformal import Conformal, quantile
from leaderboard.statistics.undefined import UndefinedError
from tests.leaderboard.simulations.conformal_coverage import coverage


def test_the_quantile_is_the_one_of_the_theorem() -> None:
    """Of k = 19 errors the ceil(0.9 * 20) = 18th smallest; of 9 the largest."""
    assert quantile(np.arange(1.0, 20.0), np.ones(19)) == 18
    assert quantile(np.arange(9.0, 0.0, -1.0), np.ones(9)) == 9
    assert quantile(np.arange(1.0, 31.0), np.ones(30)) == 28  # ceil(27.9)


def test_the_quantile_counts_configurations() -> None:
    """Nine configurations that must all be covered: the largest error of ten replicates is that of one network."""
    shares = np.array([1.0] * 8 + [0.1] * 10)

    assert quantile(np.arange(1.0, 19.0), shares) == 18
    assert quantile(np.arange(1.0, 24.0), np.array([1.0] * 18 + [0.2] * 5)) == 18  # 18 of 19 are 0.9 (19 + 1)
    assert quantile(np.arange(23.0, 0.0, -1.0), np.array([1.0] * 18 + [0.2] * 5)) == 22  # one replicate is no whole one


def test_coverage() -> None:
    """Over 120 ledgers of 60 networks: at least 9 and at most 9 + 10 / 25 of 10, up to the error of the simulation."""
    held = coverage(60, 1, 120)
    error = np.std(held) / np.sqrt(len(held))

    assert 0.9 - 3 * error <= np.mean(held) <= 0.9 + 1 / 25 + 3 * error


def test_coverage_with_replicates() -> None:
    """Over 120 ledgers of 30 configurations with five replicates each; to count networks would cover 88 %."""
    held = coverage(30, 5, 120)
    error = np.std(held) / np.sqrt(len(held))

    assert error < 0.005
    assert np.mean(held) >= 0.9 - 3 * error


def test_planted_scores() -> None:
    """A perfect score leaves little, a curve is followed, noise is no better than the mean."""
    rng = np.random.default_rng(1)
    target = rng.uniform(size=300)
    fit = Conformal(target, np.arange(300), 0)

    assert fit.of(target).half_width < 0.05
    assert fit.of(np.exp(5 * target)).half_width == pytest.approx(fit.of(target).half_width)
    assert fit.of(rng.normal(size=300)).half_width == pytest.approx(fit.half_width_without, rel=0.1)
    assert fit.half_width_without == pytest.approx(0.45, abs=0.03)  # nine tenths of a uniform about its mean
    assert fit.of(np.ones(300)).half_width == pytest.approx(fit.half_width_without, rel=1e-9)


def test_what_rises_and_falls_is_followed() -> None:
    """A target that is least at middling scores, which no straight line predicts."""
    scores = np.random.default_rng(3).permutation(400) / 400
    target = (2 * scores - 1) ** 2
    fit = Conformal(target, np.arange(400), 0)

    assert fit.of(scores).half_width < 0.1 * fit.half_width_without


def test_replicates_stay_together() -> None:
    """Configurations that are all their own leave a score that names them nothing to tell."""
    rng = np.random.default_rng(2)
    configuration = np.repeat(np.arange(40), 5)
    target = rng.normal(size=40)[configuration] + 0.01 * rng.normal(size=200)
    together = Conformal(target, configuration, 0)

    for parts in together._splits:
        assert sum(len(set(configuration[part].tolist())) for part in parts) == 40
    assert together.of(rng.permutation(40)[configuration].astype(np.float64)).half_width > 0.8


def test_refusals_say_why() -> None:
    """Nine in ten of fewer than nine networks is all of them and more."""
    with pytest.raises(UndefinedError, match="at least 9 configurations to calibrate"):
        Conformal(np.arange(20.0), np.arange(20), 0)
    with pytest.raises(UndefinedError, match="a split of 20 has 8 and 8"):
        Conformal(np.arange(100.0), np.repeat(np.arange(20), 5), 0)
    with pytest.raises(UndefinedError, match="nothing to predict"):
        Conformal(np.ones(50), np.arange(50), 0)
