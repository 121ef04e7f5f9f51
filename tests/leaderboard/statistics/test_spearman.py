"""Spearman's rho against scipy; the partial one against closed forms and a direct regression."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from leaderboard.statistics.spearman import hyperparameter_basis, partial_spearman, ranks_of, spearman
from leaderboard.statistics.undefined import UndefinedError


def test_spearman_is_scipys(random_ledgers: list[Any]) -> None:
    """With ties."""
    for small in random_ledgers:
        if np.ptp(small.scores) > 0:
            expected = spearmanr(small.scores, small.target).statistic
            assert spearman(small.scores, small.target) == pytest.approx(expected, abs=1e-12)


def test_ranks_are_scipys(random_ledgers: list[Any]) -> None:
    """From 1, ties at the mean of their places."""
    for small in random_ledgers:
        np.testing.assert_array_equal(ranks_of(small.scores), rankdata(small.scores))


def test_partial_given_one_number_is_the_textbook_formula() -> None:
    """(r12 - r13 r23) / sqrt((1 - r13^2) (1 - r23^2)), r on ranks."""
    rng = np.random.default_rng(0)
    z = rng.integers(0, 4, 30).astype(np.float64)
    g = np.exp(z + rng.normal(size=30))
    mu = z - 0.3 * np.log(g) + rng.normal(size=30)
    r12, r13, r23 = (spearmanr(x, y).statistic for x, y in ((mu, g), (mu, z), (g, z)))
    expected = (r12 - r13 * r23) / np.sqrt((1 - r13**2) * (1 - r23**2))

    found = partial_spearman(mu, g, hyperparameter_basis(pd.DataFrame({"hp.z": z**3})))  # ranks: a cube changes nothing

    assert found == pytest.approx(expected, abs=1e-12)
    assert abs(found - r12) > 0.1


def test_partial_given_text_is_within_group() -> None:
    """Indicators take out the mean rank of each group; a missing value is a group."""
    rng = np.random.default_rng(1)
    group = np.array([["sgd", "adam", None][k] for k in rng.integers(0, 3, 24)], dtype=object)
    mu, g = rng.integers(0, 9, 24).astype(np.float64), rng.normal(size=24)
    key = pd.Series(group).fillna("missing")
    ranks = pd.DataFrame({"mu": rankdata(mu), "g": rankdata(g)})
    within = ranks - ranks.groupby(key).transform("mean")
    expected = within["mu"].corr(within["g"])

    basis = hyperparameter_basis(pd.DataFrame({"hp.opt": group, "hp.same": 1}))

    assert partial_spearman(mu, g, basis) == pytest.approx(expected, abs=1e-12)
    assert basis.shape == (24, 3)  # the constant lies in the span of the groups


def test_partial_identities() -> None:
    """The gap itself keeps 1 beside any hyperparameters, its negative -1."""
    g = np.random.default_rng(2).normal(size=20)
    basis = hyperparameter_basis(pd.DataFrame({"hp.a": np.arange(20) % 3, "hp.b": np.arange(20) % 2}))

    assert partial_spearman(g, g, basis) == pytest.approx(1, abs=1e-12)
    assert partial_spearman(-g, g, basis) == pytest.approx(-1, abs=1e-12)


def test_a_measure_that_is_a_hyperparameter_has_no_value() -> None:
    """Nothing of it is left, and rounding is not mistaken for something."""
    a = np.arange(20) % 4
    g = np.random.default_rng(3).normal(size=20)
    basis = hyperparameter_basis(pd.DataFrame({"hp.a": a}))

    with pytest.raises(UndefinedError, match="ranks of the score completely"):
        partial_spearman(10.0 ** a.astype(np.float64), g, basis)
    with pytest.raises(UndefinedError, match="ranks of the target completely"):
        partial_spearman(g, 10.0 ** a.astype(np.float64), basis)


def test_refusals_say_why() -> None:
    """Constants, single networks, and as many hyperparameters as networks."""
    g = np.array([0.1, 0.3, 0.2])
    with pytest.raises(UndefinedError, match="no variance"):
        spearman(np.ones(3), g)
    with pytest.raises(UndefinedError, match="there is 1"):
        spearman(g[:1], g[:1])
    with pytest.raises(UndefinedError, match="2 degrees of freedom of 3 networks"):
        partial_spearman(g, g, hyperparameter_basis(pd.DataFrame({"hp.a": [0, 1, 2]})))
    assert hyperparameter_basis(pd.DataFrame({"hp.a": []})).shape == (0, 0)
