"""Verdicts on planted measures: chance, all hyperparameters, each other, and how many networks would settle it."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from leaderboard import order
from leaderboard.ledger.arrays import networks_of
from leaderboard.ledger.read import check_ledger
from leaderboard.ledger.targets import target_of
from leaderboard.ranking import significance
from leaderboard.ranking.groups import Options, groups, resamples
from leaderboard.ranking.significance import networks_needed, verdict
from leaderboard.statistics.influence import Influence
from tests.leaderboard.reports import Ranked, ranked

CORRUPTIONS = {"true_labels": 0.1, "partial_labels": 0.6, "random_labels": 0.8}  # the last for the gate alone


def zoo(seed: int = 0) -> pd.DataFrame:
    """Three corruptions x three widths x three rates x three depths, two seeds; the gap falls with width."""
    rng = np.random.default_rng(seed)
    rows = [
        {"hp.corruption": corruption, "hp.width": width, "hp.rate": rate, "hp.depth": depth, "seed": replicate}
        for corruption, width, rate, depth, replicate in product(CORRUPTIONS, (8, 16, 32), (1, 2, 3), (1, 2, 3), (0, 1))
    ]
    frame = pd.DataFrame(rows)
    base = frame["hp.corruption"].map(CORRUPTIONS).astype(np.float64)
    hidden = rng.normal(size=len(frame))
    gap = base - 0.02 * np.log2(frame["hp.width"]) + 0.03 * hidden
    frame["train_accuracy"], frame["test_accuracy"] = 0.9, 0.9 - gap
    frame["measure.perfect"] = 2 * gap + 1
    frame["measure.reversed"] = -gap
    frame["measure.good"] = gap + 0.02 * rng.normal(size=len(frame))
    frame["measure.better"] = gap + 0.015 * rng.normal(size=len(frame))
    frame["measure.memory"] = base
    frame["measure.width"] = -frame["hp.width"].astype(np.float64)
    frame["measure.useless"] = rng.normal(size=len(frame))
    return frame


@pytest.fixture(scope="module")
def report() -> Ranked:
    """The ranking of the zoo, the reversed measure declared to fall with the gap."""
    return ranked(zoo(), bootstrap=400, metadata={"reversed": {"expected_sign": -1}})


def told(report: dict[str, Any], name: str) -> tuple[str, ...]:
    """The two verdicts on a measure, empty where there is none."""
    found = report["measures"][name]["told_from"]
    return tuple("" if found[one] is None else found[one]["verdict"] for one in ("random", "hyperparameters"))


def test_planted_measures_get_their_verdicts(report: dict[str, Any]) -> None:
    """Perfect ones beat both; noise, and what only knows the stratum, are not told from chance; width is the width."""
    assert told(report, "perfect") == told(report, "reversed") == told(report, "better") == ("better", "better")
    assert told(report, "useless")[0] == "not told apart"
    assert report["measures"]["memory"]["null"] == pytest.approx(
        {"Psi": 0, "p": 1, "mean": 0, "sd": 0, "p_adjusted": 1}, abs=1e-6
    )
    assert told(report, "memory")[0] == "not told apart"
    width = report["measures"]["width"]
    assert width["told_from"]["hyperparameters"] is None
    assert "explain the order of the scores completely" in width["why"]["told_from.hyperparameters"]


def test_the_expected_sign_decides_which_side_is_better() -> None:
    """The negative of the gap, taken to grow with it, is told apart on the wrong side."""
    found = ranked(zoo(), bootstrap=200, metadata={"reversed": {"expected_sign": 1}})

    assert told(found, "reversed") == ("worse", "worse")


def test_corrected_p_values_are_no_smaller_and_spare_the_controls(report: dict[str, Any]) -> None:
    """Those of the family are corrected over it, controls stand outside."""
    for entry in report["measures"].values():
        for found in (entry["null"], entry["told_from"]["hyperparameters"]):
            if found is not None:
                assert (found["p_adjusted"] is None) == entry["control"]
                assert entry["control"] or found["p_adjusted"] >= found["p"] - 0.05  # draws of their own
    assert report["family"]["measures"] == 7


def test_the_null_is_of_the_comparisons_within_strata(report: dict[str, Any]) -> None:
    """Its Psi is the mean of the psi of the other hyperparameters, and its draws are about 0."""
    entry = report["measures"]["good"]
    others = [value for name, value in entry["psi"].items() if name != "hp.corruption"]

    assert entry["null"]["Psi"] == pytest.approx(np.mean(others), abs=1e-12)
    assert abs(entry["null"]["mean"]) < 4 * entry["null"]["sd"] / np.sqrt(400)


def test_any_two_measures_are_compared(report: dict[str, Any]) -> None:
    """The standard error is that of the difference on the same networks; p is small where the difference is large."""
    table = report["comparisons"]
    place = {name: position for position, name in enumerate(table["names"])}
    error, p = (np.array(table[name], dtype=np.float64) for name in ("standard_error", "p_adjusted"))

    assert set(place) == {name for name, entry in report["measures"].items() if not entry["control"]}
    np.testing.assert_array_equal(error, error.T)
    np.testing.assert_array_equal(p, p.T)
    assert np.isnan(np.diag(error)).all()
    assert p[place["perfect"], place["useless"]] < 0.01
    assert p[place["perfect"], place["reversed"]] == 1  # the same measure, each in its own direction
    assert error[place["good"], place["better"]] < error[place["good"], place["useless"]]
    assert p[place["useless"], place["memory"]] > 0.05


def test_the_standard_error_is_of_the_two_influences() -> None:
    """Recomputed from the panel's influences, and across measures that lack a network from their resamples."""
    frame = check_ledger(zoo())
    frame = frame[frame["hp.corruption"] != "random_labels"].reset_index(drop=True)
    frame.loc[3, "measure.good"] = np.nan
    found = ranked(frame, bootstrap=300)
    table = found["comparisons"]
    place = {name: position for position, name in enumerate(table["names"])}
    apart = ("hp.corruption",)
    options = Options(bootstrap=300, permutations=0, seed=0, seeds="averaged", weights="hoeffding", apart=apart)
    frame["gap"] = target_of(frame, "gap")
    networks, _ = networks_of(frame, "gap", "hp.corruption", None)
    for group in groups(networks, options, resamples(networks, options)):
        influence = group.panel.judge(group.names)[1]
        assert influence is not None
        if "better" in group.names:
            a, b = (np.array([group.names.index(name)]) for name in ("better", "useless"))
            expected = np.sqrt(influence.select(a).beside(influence.select(b)).variance()[0])
            assert table["standard_error"][place["better"]][place["useless"]] == pytest.approx(expected, rel=1e-3)
    whole = ranked(zoo(), bootstrap=300)["comparisons"]
    across = table["standard_error"][place["better"]][place["good"]]
    together = whole["standard_error"][whole["names"].index("better")][whole["names"].index("good")]
    assert 0.9 * together < across < 1.1 * np.sqrt(2) * together  # not corrected for pairs counted twice


def test_few_degrees_of_freedom_make_everything_less_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two beside very many: larger p-values of any two measures."""
    sums = []
    for degrees in (2, 1e9):
        monkeypatch.setattr(Influence, "degrees", lambda self, nu=degrees: np.full(self.of_configuration.shape[1], nu))
        table = ranked(zoo(), bootstrap=200)["comparisons"]["p_adjusted"]
        sums.append(float(np.nansum(np.array(table, dtype=np.float64))))

    assert sums[0] > sums[1]


def test_few_networks_that_agree_settle_nothing() -> None:
    """Of eight configurations a perfect order may be chance, its interval that of four comparisons; twelve are six."""
    few, more = (
        ranked(zoo().query("`hp.width` < 32 and `hp.depth` == 1 and `hp.rate` in @rates"), bootstrap=100)
        for rates in ((1, 2), (1, 2, 3))
    )
    for found, comparisons in ((few, 4), (more, 6)):
        perfect = found["measures"]["perfect"]
        share = 0.025 ** (1 / comparisons)
        assert (found["configurations"], perfect["Psi"]) == (2 * comparisons, 1)
        for ends in perfect["interval"].values():
            assert ends == pytest.approx([2 * share - 1, 1], abs=0.05)
        assert perfect["gate"]["interval"] == pytest.approx([share, 1], abs=0.05)
    names, p = more["comparisons"]["names"], more["comparisons"]["p_adjusted"]
    assert p[names.index("perfect")][names.index("memory")] > 1 / 32


def test_a_measure_that_lacks_networks_is_resampled_with_the_others() -> None:
    """A configuration is drawn as often for it as for the measures that have a score for all."""
    frame = check_ledger(zoo())
    frame.loc[:1, "measure.good"] = np.nan  # both seeds of the first configuration
    frame["gap"] = target_of(frame, "gap")
    networks, _ = networks_of(frame, "gap", None, None)
    options = Options(bootstrap=20, permutations=0, seed=0, seeds="averaged", weights="hoeffding")
    counts = resamples(networks, options)
    lacking = next(group for group in groups(networks, options, counts) if "good" in group.names)

    np.testing.assert_array_equal(lacking.panel.counts, counts[:, 1:])
    assert (counts[:, 1:] != counts[:, :-1]).any()


def test_a_measure_does_not_differ_from_its_negative() -> None:
    """Each in its own direction: no difference, and no chance in it."""
    frame = zoo()
    frame["measure.turned"] = -frame["measure.good"]
    table = ranked(frame, bootstrap=50, metadata={"turned": {"expected_sign": -1}})["comparisons"]
    good, turned = (table["names"].index(name) for name in ("good", "turned"))

    assert table["standard_error"][good][turned] == 0
    assert table["p_adjusted"][good][turned] == 1


def test_the_power_line_is_of_the_two_leaders(report: Ranked) -> None:
    """Their difference, and the networks that would settle it."""
    line = report["power"]
    leaders = [name for name in order(report.report) if not report["measures"][name]["control"]][:2]

    assert line["between"] == leaders
    assert line["networks"] == 108
    assert set(leaders) == {"perfect", "reversed"}
    assert (line["difference"], line["networks_needed"]) == (0, None)


def test_so_many_networks_settle_a_difference_four_times_in_five() -> None:
    """A normal estimate with the error that so many networks leave is beyond 1.96 of it with chance 0.8."""
    for n, difference, spread in ((100, 0.05, 0.1), (96, -0.3, 0.2), (2187, 0.01, 0.03)):
        needed = networks_needed(n, difference, spread)
        assert needed is not None
        z = abs(difference) / (spread * np.sqrt(n / needed))
        assert norm.sf(norm.isf(0.025) - z) == pytest.approx(0.8, abs=0.01)
    assert networks_needed(50, 0.0, 0.1) is None
    assert networks_needed(50, 0.9, 0.0) == 2


def test_draws_without_a_spread_find_nothing() -> None:
    """Whatever the observed statistic."""
    tests = significance.Tests()
    for name, observed in (("above", 0.5), ("below", -0.5), ("none", 0.0)):
        tests.add(name, observed, np.ones(9))

    assert tests.z == {"above": 0, "below": 0, "none": 0}
    assert all(not draws.any() for draws in tests.null.values())


def test_the_observed_statistic_is_one_of_the_draws() -> None:
    """Mean and standard deviation are those of 1, 2, 3 and 6."""
    tests = significance.Tests()
    tests.add("x", 6.0, np.array([1.0, 2.0, 3.0]))

    assert tests.z["x"] == pytest.approx(3 / np.sqrt(3.5))
    assert tests.null["x"] == pytest.approx(np.array([-2, -1, 0]) / np.sqrt(3.5))


def test_a_verdict_needs_a_small_p_and_a_direction() -> None:
    """At most 5 %."""
    assert verdict(0.05, 0.1) == "better"
    assert verdict(0.05, -0.1) == "worse"
    assert verdict(0.051, 9.0) == "not told apart"
    assert verdict(0.001, 0.0) == "not told apart"


def test_without_resamples_nothing_is_tested() -> None:
    """With reasons."""
    found = ranked(zoo(), bootstrap=0)
    entry = found["measures"]["good"]

    assert entry["null"] is None
    assert "No permutations" in entry["why"]["null"]
    assert "No permutations" in entry["why"]["told_from.random"]
    assert "No permutations" in entry["why"]["told_from.hyperparameters"]
    assert "No resamples" in entry["why"]["interval_given.partial_spearman"]
    assert {value for row in found["comparisons"]["p_adjusted"] for value in row} == {None}
