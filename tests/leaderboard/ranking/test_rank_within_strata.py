"""The report within corruptions and data sets: random labels, Psi that leaves the corruption out, strata."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from tests.leaderboard.reports import RANKED, assert_nulls_have_reasons, ranked, zoo


def test_memory_alone_is_seen_through() -> None:
    """A measure that knows the corruption and nothing else: high pooled, gate passed, nothing within."""
    report = ranked(zoo(), bootstrap=200)
    memory = report["measures"]["memory"]

    assert memory["tau_b"] > 0.8
    assert (memory["gate"]["auc"], memory["gate"]["matched"]) == (1, True)
    assert memory["psi"] == pytest.approx({"hp.corruption": 1, "hp.width": 0, "hp.rate": 0})
    assert report["apart"] == ["hp.corruption"]
    assert memory["Psi"] == memory["within"]["Psi"] == 0
    assert memory["within"]["tau_b"] is None
    assert "same score" in memory["why"]["within.tau_b"]


def test_random_labels_enter_the_gate_and_nothing_else() -> None:
    """Every statistic is that of the ledger without them; how many there are is said."""
    frame = zoo()
    whole = ranked(frame, bootstrap=30)
    without = ranked(frame[frame["hp.corruption"] != "random_labels"], bootstrap=30)
    ours, theirs = (report["measures"]["perfect"] for report in (whole, without))

    assert (whole["models"], whole["random_labels"], without["random_labels"]) == (36, 12, 0)
    assert {key: ours[key] for key in ("tau_b", "Psi", "psi", "interval", "within", "cmi", "increment")} == {
        key: theirs[key] for key in ("tau_b", "Psi", "psi", "interval", "within", "cmi", "increment")
    }
    assert (ours["gate"]["random"], ours["gate"]["true"], theirs["gate"]) == (12, 12, None)


def test_all_labels_replaced_are_random_labels() -> None:
    """By the name that a zoo gives a share of 1, or by a column of shares; a ledger of nothing else is ranked."""
    frame = zoo()
    of_zoo = frame.replace({"random_labels": "partial_labels 1"})
    share = frame["hp.corruption"].map({"partial_labels": 0.5, "random_labels": 1.0}).fillna(0.0)
    of_column = frame.replace({"random_labels": "partial_labels"}).assign(**{"hp.corruption_p": share})
    only = ranked(frame[frame["hp.corruption"] == "random_labels"], bootstrap=0)

    for ledger in (of_zoo, of_column):
        report = ranked(ledger, bootstrap=0)
        assert (report["models"], report["random_labels"]) == (36, 12)
        assert report["measures"]["memory"]["gate"] == ranked(frame, bootstrap=0)["measures"]["memory"]["gate"]
        assert report["measures"]["memory"]["Psi"] == 0
    assert (only["models"], only["random_labels"], only["measures"]["perfect"]["Psi"]) == (12, 0, 1)


def test_without_an_axis_of_corruption_psi_is_over_all_hp() -> None:
    """As it is where no strata are asked for, or others: then those stay out."""
    frame = zoo()
    flat = ranked(frame[frame["hp.corruption"] == "true_labels"], bootstrap=0)
    pooled, width = (ranked(frame, bootstrap=0, within=within) for within in (None, "width"))
    useless = pooled["measures"]["useless"]
    inner = width["measures"]["useless"]

    assert flat["apart"] == pooled["apart"] == []
    assert useless["Psi"] == pytest.approx(np.mean(list(useless["psi"].values())))
    assert width["apart"] == ["hp.width"]
    assert inner["Psi"] == pytest.approx(np.mean([inner["psi"]["hp.corruption"], inner["psi"]["hp.rate"]]))


def test_a_ledger_whose_networks_differ_in_corruption_alone_has_no_psi() -> None:
    """The psi across corruption stands, and the reason says what is missing."""
    frame = zoo().query("`hp.width` == 8 and `hp.rate` == 0.01")
    report = ranked(frame, bootstrap=20)
    perfect = report["measures"]["perfect"]

    assert_nulls_have_reasons(report)
    assert (perfect["Psi"], perfect["psi"]["hp.corruption"]) == (None, 1)
    assert perfect["why"]["Psi"].startswith("No two networks of one value of hp.corruption differ")


def test_each_stratum_is_ranked_as_if_alone() -> None:
    """The figures within a corruption are those of its networks alone; their mean is the measure's figure."""
    frame = zoo()
    report = ranked(frame, bootstrap=200)
    strata = report["within"]["strata"]
    taus = {
        name: kendalltau(part["measure.useless"], part["gap"]).statistic
        for name, part in frame.groupby("hp.corruption")
        if name in RANKED
    }

    assert report["within"]["hp"] == "hp.corruption"
    assert {name: stratum["models"] for name, stratum in strata.items()} == dict.fromkeys(RANKED, 12)
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
    first, second = ranked(pd.concat([clean, twin]), bootstrap=50)["within"]["strata"].values()
    one, other = (stratum["measures"]["useless"] for stratum in (first, second))

    assert (one["tau_b"], one["Psi"]) == (other["tau_b"], other["Psi"])
    assert one["interval"]["tau_b"] != other["interval"]["tau_b"]


def test_data_sets_are_judged_one_by_one() -> None:
    """A measure that is right on one data set and reversed on the other shows both ends and a mean of nothing."""
    first, second = zoo().assign(**{"hp.dataset": "digits"}), zoo().assign(**{"hp.dataset": "svhn"})
    second["gap"] += 0.05
    second["measure.useless"] = -second["gap"]
    first["measure.useless"] = first["gap"]
    report = ranked(pd.concat([first, second], ignore_index=True).drop(columns="run_id"), bootstrap=5)
    useless, perfect = (report["measures"][name]["across"] for name in ("useless", "perfect"))

    assert set(report["across"]["strata"]) == {"digits", "svhn"}
    assert useless["range"]["tau_b"] == pytest.approx([-1, 1])
    assert useless["tau_b"] == pytest.approx(0)
    assert perfect["range"]["Psi"] == pytest.approx([1, 1])
    assert "no column hp.dataset" in ranked(zoo(), bootstrap=0)["why"]["across"]
