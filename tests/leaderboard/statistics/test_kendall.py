"""Tau-a against the loop over pairs, tau-b against scipy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from leaderboard.statistics.kendall import tau_a, tau_b
from leaderboard.statistics.undefined import UndefinedError

VALUES = st.sampled_from([-1e300, -2.5, -1.0, -0.0, 0.0, 5e-324, 1.0, 1.0000000000000002, 7.0, 1e300])
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=20).filter(lambda p: len({g for _, g in p}) > 1)


def naive_sum(mu: list[float], g: list[float]) -> int:
    """Concordant minus discordant ordered pairs."""
    total = 0
    for a in range(len(mu)):
        for b in range(len(mu)):
            total += ((mu[a] > mu[b]) - (mu[a] < mu[b])) * ((g[a] > g[b]) - (g[a] < g[b]))
    return total


@given(PAIRS)
def test_tau_a_is_the_mean_over_ordered_pairs(pairs: list[tuple[float, float]]) -> None:
    """Ties count 0 and stay in the denominator n (n - 1)."""
    mu, g = map(list, zip(*pairs, strict=True))
    expected = naive_sum(mu, g) / (len(mu) * (len(mu) - 1))

    assert tau_a(np.array(mu), np.array(g)) == pytest.approx(expected, abs=1e-15)


@given(PAIRS.filter(lambda p: len({mu for mu, _ in p}) > 1))
def test_tau_b_is_scipys(pairs: list[tuple[float, float]]) -> None:
    """The reference implementation corrects for ties."""
    mu, g = map(np.array, zip(*pairs, strict=True))

    assert tau_b(mu, g) == pytest.approx(kendalltau(mu, g).statistic, abs=1e-12)


def test_the_two_differ_under_ties() -> None:
    """Four networks, one tie in the score: five of six pairs agree; 10 / 12 against 10 / sqrt(10 * 12)."""
    mu, g = np.array([1.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 4.0])

    assert tau_a(mu, g) == pytest.approx(5 / 6, rel=1e-15)
    assert tau_b(mu, g) == pytest.approx(10 / np.sqrt(120), rel=1e-15)


def test_identities() -> None:
    """A score is in perfect agreement with itself, and in perfect disagreement with its negative."""
    g = np.array([0.3, 0.1, 0.4, 0.15, 0.9])

    assert (tau_a(g, g), tau_b(g, g)) == (1, 1)
    assert (tau_a(-g, g), tau_b(-g, g)) == (-1, -1)
    assert tau_a(np.ones(5), g) == 0


def test_nothing_overflows() -> None:
    """The difference of two finite numbers need not be finite; their order is."""
    assert tau_a(np.array([-1.7e308, 1.7e308]), np.array([0.0, 1.0])) == 1
    assert tau_b(np.array([0.0, 1.0]), np.array([1.7e308, -1.7e308])) == -1


def test_without_contrast_there_is_no_value() -> None:
    """Every refusal says why."""
    g = np.array([0.1, 0.2, 0.3])
    for tau in (tau_a, tau_b):
        with pytest.raises(UndefinedError, match="there is 1"):
            tau(g[:1], g[:1])
        with pytest.raises(UndefinedError, match="nothing to predict"):
            tau(g, np.ones(3))
    with pytest.raises(UndefinedError, match="same score"):
        tau_b(np.ones(3), g)


@pytest.mark.parametrize(("name", "expected"), [("VPM_1", 0.5004), ("VPM_80", 0.5035), ("VR", 0.5443), ("WCV", 0.7855)])
def test_tau_a_on_the_competitions_first_task(pgdl: dict[str, Any], name: str, expected: float) -> None:
    """Four digits from an independent implementation on the same 96 networks, and the loop to the last ones."""
    task = pgdl[name]
    naive = naive_sum(task.scores.tolist(), task.target.tolist()) / (96 * 95)

    assert tau_a(task.scores, task.target) == pytest.approx(expected, abs=5e-5)
    assert tau_a(task.scores, task.target) == pytest.approx(naive, abs=1e-12)
