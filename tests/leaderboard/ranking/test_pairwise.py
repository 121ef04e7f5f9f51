"""Any two measures beside each other: degrees of freedom, no spread, and the networks that would settle it."""

import numpy as np
import pytest
from scipy.stats import norm, t

from leaderboard.ledger.metadata import Metadata
from leaderboard.ranking.pairwise import Pairwise, power_of
from leaderboard.ranking.report import Comparisons
from leaderboard.ranking.significance import networks_needed
from leaderboard.statistics.influence import Influence
from tests.leaderboard.reports import entry


def test_measures_of_different_networks_have_the_fewer_degrees_of_freedom() -> None:
    """One carried by few configurations and one by many: z is as sure as the former, the corrected p counts draws."""
    rng = np.random.default_rng(0)
    few, many = np.array([3.0, -3, 0.1, -0.1, 0.1, -0.1]), np.array([1.0, -1, 1, -1, 1, -1])
    pairwise = Pairwise({}, ["few", "many"])
    draws = {}
    for name, influence in (("few", few), ("many", many)):
        counts = rng.multinomial(6, np.full(6, 1 / 6), size=999).astype(np.float64)
        pairwise.add([name], Influence(influence[:, None], np.zeros((1, 1)), 1.0), counts)
        draws[name] = counts @ influence
    found = pairwise.compare({"few": 9.0, "many": -2.0})
    between = draws["few"] - draws["many"]
    degrees = {name: np.sum(h**2) ** 2 / np.sum(h**4) for name, h in (("few", few), ("many", many))}
    z = {name: norm.isf(t.sf(11 / between.std(), nu)) for name, nu in degrees.items()}
    p = {name: (1 + np.count_nonzero(np.abs(between) / between.std() >= z[name])) / 1000 for name in z}

    assert degrees == pytest.approx({"few": 2, "many": 6}, rel=0.01)
    assert found.p_adjusted[0][1] == pytest.approx(p["few"], rel=1e-3)
    assert p["few"] > 1.5 * p["many"]


def test_two_that_do_not_vary_are_as_sure_as_the_fewer_networks() -> None:
    """Of 12 configurations and of 24: z is that of six tosses, not of twelve; beside them two that vary."""
    rng = np.random.default_rng(0)
    counts = {size: rng.multinomial(size, np.full(size, 1 / size), size=999).astype(np.float64) for size in (12, 24)}
    influences = {"few": np.zeros(12), "many": np.zeros(24), "a": rng.normal(size=24), "b": rng.normal(size=24)}
    pairwise = Pairwise({}, list(influences))
    for name, influence in influences.items():
        pairwise.add([name], Influence(influence[:, None], np.zeros((1, 1)), 1.0), counts[len(influence)])
    found = pairwise.compare({"few": 0.9, "many": 0.4, "a": 0.0, "b": 0.0})
    a, b = (counts[24] @ influences[name] - influences[name].sum() for name in "ab")
    largest = np.max([np.abs(each) / each.std() for each in (a, b, a - b)], axis=0)

    assert found.p_adjusted[0][1] == pytest.approx((1 + np.sum(largest >= norm.isf(1 / 64))) / 1000, rel=1e-3)
    assert (found.p_adjusted[0][1] or 0) > (1 + np.sum(largest >= norm.isf(2**-12))) / 1000


def test_the_power_line_counts_the_fewer_networks() -> None:
    """Of two measures judged on 100 and on 60 networks."""
    nothing = [[None, None], [None, None]]
    compared = Comparisons(
        figure="Psi", names=["a", "b"], standard_error=[[None, 0.1], [0.1, None]], p_adjusted=nothing
    )
    measures = {"a": entry(Psi=0.5, n=100), "b": entry(Psi=-0.3, n=60, about=Metadata(expected_sign=-1))}
    power = power_of(compared, measures, ["a", "b"])

    assert power is not None
    assert power.difference == pytest.approx(0.2)
    assert (power.networks, power.networks_needed) == (60, networks_needed(60, power.difference, 0.1))
