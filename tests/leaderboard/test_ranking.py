"""The report: planted measures, strata, counts, and ledgers on which little or nothing can be said."""

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from leaderboard import order, rank, read_ledger
from leaderboard.mapping import LedgerError

CORRUPTIONS = {"true_labels": 0.1, "random_pixels": 0.4, "random_labels": 0.85}
STATISTICS = (
    *("tau_a", "tau_b", "spearman", "Psi", "cmi", "pgdl", "sign_error", "partial_spearman", "within", "across", "gate"),
    *("null", "residual_spearman", "increment", "prediction", "label_equivalents", "fragility", "pareto"),
)


def zoo(seeds: int = 2) -> pd.DataFrame:
    """Three corruptions x three widths x two rates; the gap falls with width within each corruption."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for corruption, width, rate, seed in product(CORRUPTIONS, (8, 16, 32), (0.01, 0.1), range(seeds)):
        gap = CORRUPTIONS[corruption] - 0.02 * np.log2(width) + 0.2 * rate + 0.004 * rng.normal()
        row = {"hp.corruption": corruption, "hp.width": width, "hp.rate": rate, "seed": seed, "gap": gap}
        rows.append({"run_id": f"r{len(rows)}", **row})
    frame = pd.DataFrame(rows)
    frame["measure.perfect"] = frame["gap"] ** 3
    frame["measure.reversed"] = -frame["gap"]
    frame["measure.memory"] = frame["hp.corruption"].map(CORRUPTIONS).astype(np.float64)  # and nothing else
    frame["measure.useless"] = rng.normal(size=len(frame))
    return frame


def measures_in(names: list[str]) -> list[str]:
    """Those of the zoo, without the controls."""
    return [name for name in names if name in {"perfect", "reversed", "memory", "useless"}]


def assert_nulls_have_reasons(report: Mapping[str, Any]) -> None:
    """JSON without NaN, and a reason for every null."""
    json.dumps(report, allow_nan=False)
    for entry in report["measures"].values():
        why = entry["why"]
        for statistic in STATISTICS:
            assert (entry[statistic] is None) == (statistic in why)
        for name, value in entry["told_from"].items():
            assert (value is None) == (f"told_from.{name}" in why)
        for name, value in entry["psi"].items():
            assert (value is None) == (f"psi.{name}" in why)
        for name, value in entry["interval"].items():
            assert (value is None) == (f"interval.{name}" in why)
        if entry["within"] is not None:
            for name in ("tau_b", "Psi"):
                assert (entry["within"][name] is None) == (f"within.{name}" in why)
        assert all(reason.endswith(".") for reason in why.values())


def test_planted_measures_are_found() -> None:
    """The perfect one leads every figure, the reversed one comes last, the useless one is near 0."""
    report = rank(zoo(), bootstrap=200)
    perfect, turned, useless = (report["measures"][name] for name in ("perfect", "reversed", "useless"))

    assert_nulls_have_reasons(report)
    assert [perfect[name] for name in ("tau_a", "tau_b", "spearman", "Psi")] == pytest.approx([1] * 4)
    assert [turned[name] for name in ("tau_a", "tau_b", "spearman", "Psi")] == pytest.approx([-1] * 4)
    assert perfect["cmi"] == pytest.approx(1) == pytest.approx(turned["cmi"])
    assert perfect["sign_error"]["max"] == 0
    assert turned["sign_error"]["mean"] == 1
    assert perfect["interval"] == {"tau_b": pytest.approx([1, 1]), "Psi": pytest.approx([1, 1])}
    assert abs(useless["Psi"]) < 0.5
    assert useless["interval"]["tau_b"][0] < 0 < useless["interval"]["tau_b"][1]
    assert measures_in(order(report)) == ["perfect", "memory", "useless", "reversed"]


def test_the_expected_sign_turns_the_order_and_not_the_figure() -> None:
    """A measure declared to fall with the gap is judged by its negative."""
    report = rank(zoo(), bootstrap=0, metadata={"reversed": {"expected_sign": -1}, "perfect": {"expected_sign": -1}})

    assert report["measures"]["reversed"]["Psi"] == pytest.approx(-1)
    assert measures_in(order(report)) == ["reversed", "memory", "useless", "perfect"]
    assert measures_in(order(report, "tau_b")) == ["reversed", "memory", "useless", "perfect"]
    assert order(report, "tau_b")[-1] == "constant"  # it has no tau-b
    with pytest.raises(ValueError, match="Did you mean: Psi"):
        order(report, "psi")  # type: ignore[arg-type]  # what a user may type


def test_memory_alone_is_seen_through() -> None:
    """A measure that knows the corruption and nothing else: high pooled, gate passed, nothing within."""
    memory = rank(zoo(), bootstrap=200)["measures"]["memory"]

    assert memory["tau_b"] > 0.8
    assert (memory["gate"]["auc"], memory["gate"]["matched"]) == (1, True)
    assert memory["psi"] == pytest.approx({"hp.corruption": 1, "hp.width": 0, "hp.rate": 0})
    assert memory["Psi"] == pytest.approx(1 / 3)
    assert memory["within"]["Psi"] == 0
    assert memory["within"]["tau_b"] is None
    assert "same score" in memory["why"]["within.tau_b"]


def test_each_stratum_is_ranked_as_if_alone() -> None:
    """The figures within a corruption are those of its own networks; their mean stands at the measure."""
    frame = zoo()
    report = rank(frame, bootstrap=200)
    strata = report["within"]["strata"]
    taus = {
        name: kendalltau(part["measure.useless"], part["gap"]).statistic
        for name, part in frame.groupby("hp.corruption")
    }

    assert report["within"]["hp"] == "hp.corruption"
    assert {name: stratum["models"] for name, stratum in strata.items()} == dict.fromkeys(CORRUPTIONS, 12)
    assert {name: strata[name]["measures"]["useless"]["tau_b"] for name in strata} == pytest.approx(taus)
    within = report["measures"]["useless"]["within"]
    assert within["tau_b"] == pytest.approx(np.mean(list(taus.values())))
    assert within["strata"] == {"tau_b": 3, "Psi": 3}
    assert within["interval"]["tau_b"][0] < within["tau_b"] < within["interval"]["tau_b"][1]
    widths = [np.ptp(stratum["measures"]["useless"]["interval"]["tau_b"]) for stratum in strata.values()]
    assert np.ptp(within["interval"]["tau_b"]) < min(widths)


def test_strata_are_resampled_independently() -> None:
    """Two strata of the same networks: their figures are one, their intervals are not."""
    frame = zoo()
    clean = frame[frame["hp.corruption"] == "true_labels"]
    twin = clean.assign(run_id="twin_" + clean["run_id"]).replace({"hp.corruption": "true_labels"}, "twin")
    first, second = rank(pd.concat([clean, twin]), bootstrap=50)["within"]["strata"].values()
    one, other = (stratum["measures"]["useless"] for stratum in (first, second))

    assert (one["tau_b"], one["Psi"]) == (other["tau_b"], other["Psi"])
    assert one["interval"]["tau_b"] != other["interval"]["tau_b"]
    assert one["interval"]["Psi"] != other["interval"]["Psi"]


def test_the_interval_is_repeatable_and_depends_on_the_seed() -> None:
    """Equal seeds, equal reports."""
    first, again, other = (rank(zoo(), bootstrap=50, seed=seed) for seed in (3, 3, 4))

    assert first == again
    assert first["measures"]["useless"]["interval"] != other["measures"]["useless"]["interval"]
    assert first["measures"]["useless"]["tau_b"] == other["measures"]["useless"]["tau_b"]


def test_networks_that_did_not_converge_are_left_out_and_counted() -> None:
    """Unless asked for; so are networks without a target."""
    frame = zoo().assign(converged=[False] * 5 + [True] * 31)
    frame.loc[10, "gap"] = np.nan
    without, with_them = rank(frame, bootstrap=0), rank(frame, bootstrap=0, converged_only=False)

    assert (without["models"], without["not_converged"], without["without_target"]) == (30, 5, 1)
    assert (with_them["models"], with_them["not_converged"]) == (35, 5)
    assert without["measures"]["perfect"]["n"] == 30


def test_outcomes_costs_and_metadata_are_reported() -> None:
    """A network without a score is counted where it belongs and takes nothing else down."""
    frame = zoo()
    frame.loc[[0, 1, 2, 3, 4], "measure.useless"] = [np.nan, np.inf, np.nan, np.nan, np.nan]
    frame["outcome.useless"] = ["unsupported", "failed", "timeout", "", "unsupported"] + ["scored"] * 31
    frame["cost.useless"] = [9.0, np.nan, np.inf] + [2.0] * 33
    metadata = {"useless": {"family": "norm", "needs": frozenset({"twin", "init"}), "source": "a paper", "version": 3}}
    report = rank(frame, bootstrap=0, metadata=metadata)
    entry = report["measures"]["useless"]

    assert_nulls_have_reasons(report)
    assert entry["n"] == 31
    assert entry["outcomes"] == {"scored": 31, "unsupported": 2, "failed": 1, "timeout": 1, "stale": 0, "missing": 1}
    assert entry["cost"] == {"median_seconds": 2.0}
    assert (entry["family"], entry["needs"], entry["version"]) == ("norm", ["init", "twin"], 3)
    assert not entry["control"]
    assert report["measures"]["perfect"]["n"] == 36
    assert report["measures"]["hp.width"]["control"]


def test_a_small_test_set_resolves_fewer_environments() -> None:
    """The sign error takes each network's own number of test examples, else 10,000, and says so."""
    assumed, small = rank(zoo(), bootstrap=0), rank(zoo().assign(test_size=500), bootstrap=0)

    assert (assumed["test_size"], small["test_size"]) == (10_000, None)
    assert (
        small["measures"]["useless"]["sign_error"]["environments"]
        < assumed["measures"]["useless"]["sign_error"]["environments"]
    )


def test_other_targets() -> None:
    """A loss gap is no share of test examples, so it has no sign error; everything else follows the target."""
    frame = zoo().drop(columns="gap").assign(train_accuracy=1.0, test_accuracy=1 - zoo()["gap"])
    frame = frame.assign(train_loss=0.01, test_loss=5 - frame["measure.perfect"])
    loss, error = (rank(frame, target=target, bootstrap=0) for target in ("loss_gap", "test_error"))

    assert loss["measures"]["perfect"]["tau_b"] == pytest.approx(-1)
    assert "this one is a loss" in loss["measures"]["perfect"]["why"]["sign_error"]
    assert error["measures"]["perfect"]["tau_b"] == pytest.approx(1)
    assert error["measures"]["perfect"]["sign_error"]["mean"] == 0


def test_an_unknown_stratum_is_refused_and_a_missing_corruption_is_not() -> None:
    """The default need not be there; what a user asks for must."""
    report = rank(zoo().drop(columns="hp.corruption"), bootstrap=0)
    assert report["within"] is None
    assert "no column hp.corruption" in report["why"]["within"]
    assert_nulls_have_reasons(report)
    with pytest.raises(LedgerError, match="Did you mean: width"):
        rank(zoo(), within="widht", bootstrap=0)
    assert set(rank(zoo(), within="width", bootstrap=0)["within"]["strata"]) == {"8", "16", "32"}


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(gap=0.5),
        lambda frame: frame.assign(gap=np.nan),
        lambda frame: frame.head(1),
        lambda frame: frame.head(2),
        lambda frame: frame.assign(**{"measure.useless": np.nan}),
        lambda frame: frame.assign(**{"measure.useless": -np.inf}),
        lambda frame: frame.assign(**{"measure.useless": 1.7e308 * (-1.0) ** np.arange(len(frame))}),
        lambda frame: frame.assign(converged=False),
        lambda frame: frame.assign(**{"hp.width": np.arange(len(frame))}),
        lambda frame: frame.assign(**{"hp.width": None, "hp.rate": ["a", None] * 18}),
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.sample(frac=0.4, random_state=0),
    ],
)
def test_whatever_cannot_be_said_is_null_with_a_reason(change: Any) -> None:
    """Never NaN, never a crash."""
    report = rank(change(zoo()), bootstrap=20)

    assert_nulls_have_reasons(report)
    assert len(order(report)) == len(report["measures"])


def test_the_competitions_table(data_dir: Path) -> None:
    """A ledger that gapbench did not make: official scores, and the four measures between the controls."""
    report = rank(read_ledger(data_dir / "pgdl" / "task1.csv"), bootstrap=300)
    official = {"VPM_1": 0.060700993773, "VPM_80": 0.056105256539, "VR": 0.093162888051, "WCV": 0.277451042877}

    assert_nulls_have_reasons(report)
    assert report["models"] == report["configurations"] == 96
    assert {name: report["measures"][name]["pgdl"] for name in official} == pytest.approx(official, abs=1e-11)
    assert {name: report["measures"][name]["tau_a"] for name in official} == pytest.approx(
        {"VPM_1": 0.5004, "VPM_80": 0.5035, "VR": 0.5443, "WCV": 0.7855}, abs=5e-5
    )
    assert [name for name in order(report) if name in official] == ["WCV", "VR", "VPM_80", "VPM_1"]
    wcv = report["measures"]["WCV"]
    assert wcv["interval"]["Psi"][0] < wcv["Psi"] < wcv["interval"]["Psi"][1]
    assert wcv["cmi_given"] == ["hp.bs", "hp.num_conv_blocks"]
    assert report["measures"]["noisy_oracle_0.01"]["tau_b"] > 0.85


def test_a_searched_learning_rate_is_binned_and_said() -> None:
    """Without bins no two networks would differ in any other hyperparameter alone; the report names the edges."""
    frame = zoo(seeds=4)
    rng = np.random.default_rng(1)
    frame["hp.rate"] = 10 ** rng.uniform(-4, 0, len(frame))
    report, unbinned = rank(frame, bootstrap=10), rank(frame, bootstrap=0, bins={"rate": 0})

    assert report["binned"]["hp.rate"]["bins"] == 4
    assert report["binned"]["hp.rate"]["edges"] == sorted(report["binned"]["hp.rate"]["edges"])
    assert report["measures"]["perfect"]["Psi"] == 1
    assert report["configurations"] == len(frame)
    assert unbinned["binned"] == {}
    assert [name for name, psi in unbinned["measures"]["perfect"]["psi"].items() if psi is not None] == ["hp.rate"]
    assert None not in report["measures"]["perfect"]["psi"].values()
    assert_nulls_have_reasons(report)
    assert rank(zoo(), bootstrap=0)["binned"] == {}
    with pytest.raises(LedgerError, match="Did you mean: rate"):
        rank(frame, bootstrap=0, bins={"rat": 3})
    with pytest.raises(LedgerError, match="must be a number to be binned; 'corruption' is text"):
        rank(frame, bootstrap=0, bins={"corruption": 3})


def test_seeds_are_averaged_or_kept_and_said() -> None:
    """Noise between seeds moves the psi of networks and not that of means, to speak of."""
    frame = zoo(seeds=6)
    frame["measure.noisy"] = frame["gap"] + 0.02 * np.random.default_rng(2).normal(size=len(frame))
    averaged, kept = (rank(frame, bootstrap=0, permutations=5, seeds=seeds) for seeds in ("averaged", "kept"))

    assert (averaged["seeds"], kept["seeds"]) == ("averaged", "kept")
    assert averaged["measures"]["noisy"]["Psi"] > kept["measures"]["noisy"]["Psi"] + 0.02
    assert averaged["measures"]["noisy"]["tau_b"] == kept["measures"]["noisy"]["tau_b"]
    assert kept["measures"]["perfect"]["Psi"] == 1
    assert averaged["measures"]["noisy"]["null"]["Psi"] == kept["measures"]["noisy"]["null"]["Psi"]


def test_missing_cells_and_holes_are_counted() -> None:
    """Scores that are missing or infinite, of measures and not of controls; places of the grid without a network."""
    frame = zoo()
    frame = frame[~((frame["hp.width"] == 8) & (frame["hp.rate"] == 0.1))].reset_index(drop=True)
    frame.loc[:3, "measure.useless"] = np.nan
    frame.loc[9, "measure.perfect"] = np.inf
    report = rank(frame, bootstrap=0)

    assert report["missing_cells"] == 5
    assert report["grid"] == {"places": 18, "filled": 15, "holes": 3, "replicates": [2, 2]}


def test_data_sets_are_judged_one_by_one() -> None:
    """A measure that is right on one data set and reversed on the other shows both ends and a mean of nothing."""
    first, second = zoo().assign(**{"hp.dataset": "digits"}), zoo().assign(**{"hp.dataset": "svhn"})
    second["gap"] += 0.05
    second["measure.useless"] = -second["gap"]
    first["measure.useless"] = first["gap"]
    report = rank(pd.concat([first, second], ignore_index=True).drop(columns="run_id"), bootstrap=5)
    useless, perfect = (report["measures"][name]["across"] for name in ("useless", "perfect"))

    assert set(report["across"]["strata"]) == {"digits", "svhn"}
    assert useless["range"]["tau_b"] == pytest.approx([-1, 1])
    assert useless["tau_b"] == pytest.approx(0)
    assert perfect["range"]["Psi"] == pytest.approx([1, 1])
    assert "no column hp.dataset" in rank(zoo(), bootstrap=0)["why"]["across"]


def test_more_networks_than_can_be_counted_are_refused() -> None:
    """At once, with what to do."""
    frame = pd.DataFrame({"hp.a": np.zeros(70_000), "gap": np.arange(70_000.0), "measure.x": np.arange(70_000.0)})
    with pytest.raises(LedgerError, match=r"at most 65,535 networks to be ranked; got 70,000\. Rank a random sample"):
        rank(frame)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_any_small_ledger_has_an_answer_or_a_reason_everywhere(seed: int) -> None:
    """Ties, holes, replicates, missing and infinite scores, constant columns, one network: never NaN, never a crash."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    frame = pd.DataFrame(
        {
            "hp.corruption": rng.choice(["true_labels", "random_labels", "none"], n),
            "hp.a": rng.integers(0, 3, n),
            "hp.b": rng.choice([0.1, np.nan, 2.0], n) if seed % 3 else rng.random(n),
            "gap": rng.integers(0, 1 + seed % 5, n) / 8,
            "measure.x": rng.choice([0.0, 1.0, 2.0, np.nan, np.inf, -1.7e308], n),
            "measure.y": rng.normal(size=n),
            "measure.z": np.nan,
        }
    )
    if seed % 2:
        frame["test_accuracy"] = rng.random(n)
    report = rank(frame, bootstrap=7 * (seed % 2), seeds="kept" if seed % 4 == 0 else "averaged")

    assert_nulls_have_reasons(report)
    assert len(order(report)) == len(report["measures"])
