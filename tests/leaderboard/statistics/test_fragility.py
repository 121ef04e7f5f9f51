"""Components of variance against scipy's analysis of variance and on planted components."""

import numpy as np
import pytest
from scipy.stats import f_oneway, rankdata

from leaderboard.statistics.fragility import fragility
from leaderboard.statistics.undefined import UndefinedError


def test_it_is_the_analysis_of_variance_of_the_ranks() -> None:
    """F = MS_b / MS_w; with r replicates each, the share between seeds is r / (F + r - 1)."""
    rng = np.random.default_rng(0)
    configuration = np.repeat(np.arange(12), 4)
    scores = np.exp(rng.normal(size=12)[configuration] + 0.7 * rng.normal(size=48))
    ranks = rankdata(scores)
    f = f_oneway(*(ranks[configuration == c] for c in range(12))).statistic
    found = fragility(scores, configuration)

    assert found.seeds == pytest.approx(4 / (f + 3), rel=1e-12)
    assert found.configurations == pytest.approx(1 - 4 / (f + 3), rel=1e-12)


def test_the_component_between_unequal_configurations() -> None:
    """By the formulas, of 1, 2 and 9 replicates, where n_0 = (12 - 86 / 12) / 2."""
    rng = np.random.default_rng(5)
    configuration = np.repeat([0, 1, 2], [1, 2, 9])
    scores = rng.normal(size=12) + 4 * configuration
    groups = [rankdata(scores)[configuration == c] for c in range(3)]
    within = sum(float(np.sum((ranks - ranks.mean()) ** 2)) for ranks in groups) / 9
    between = sum(len(ranks) * (ranks.mean() - 6.5) ** 2 for ranks in groups) / 2
    component = (between - within) / ((12 - 86 / 12) / 2)

    assert component > 0
    assert fragility(scores, configuration).seeds == pytest.approx(within / (within + component), rel=1e-12)


def test_unequal_numbers_of_replicates() -> None:
    """The components of a normal score are found without bias: 1 between, 1 within, 1 to 5 replicates."""
    rng = np.random.default_rng(1)
    configuration = np.repeat(np.arange(60), np.tile([1, 2, 3, 4, 5], 12))
    shares = [
        fragility(rng.normal(size=60)[configuration] + rng.normal(size=180), configuration).seeds for _ in range(200)
    ]

    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)


def test_extremes() -> None:
    """Noise is all between seeds, a score of the configuration all between configurations; the unit does not matter."""
    rng = np.random.default_rng(2)
    configuration = np.repeat(np.arange(200), 2)
    noise, own = rng.normal(size=400), rng.normal(size=200)[configuration]

    assert fragility(noise, configuration).seeds > 0.8
    assert fragility(own, configuration).configurations > 0.99
    mixed = own + noise
    assert fragility(mixed, configuration) == fragility(np.exp(9 * mixed), configuration)


def test_refusals_say_why() -> None:
    """No replicates, one configuration, a constant."""
    with pytest.raises(UndefinedError, match="two networks"):
        fragility(np.arange(3.0), np.arange(3))
    with pytest.raises(UndefinedError, match="one configuration only"):
        fragility(np.arange(3.0), np.zeros(3, dtype=np.int64))
    with pytest.raises(UndefinedError, match="same score"):
        fragility(np.ones(4), np.array([0, 0, 1, 1]))
