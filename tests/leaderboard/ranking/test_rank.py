"""The report: planted measures, signs, targets, bins and seeds."""

import numpy as np
import pandas as pd
import pytest

from leaderboard import order
from leaderboard.errors import LedgerError, RankingError
from leaderboard.statistics.sign_error import environments_of
from leaderboard.views.rows import rows_of
from tests.leaderboard.reports import RANKED, assert_nulls_have_reasons, ranked, zoo

GROWING = {name: {"expected_sign": 1} for name in ("perfect", "reversed", "memory", "useless")}


def measures_in(names: list[str]) -> list[str]:
    """Those of the zoo, without the controls."""
    return [name for name in names if name in {"perfect", "reversed", "memory", "useless"}]


def test_planted_measures_are_found() -> None:
    """The perfect one leads every figure, the reversed one comes last, the useless one is near 0."""
    report = ranked(zoo(), bootstrap=200, metadata=GROWING)
    perfect, turned, useless = (report["measures"][name] for name in ("perfect", "reversed", "useless"))

    assert_nulls_have_reasons(report)
    assert [perfect[name] for name in ("tau_a", "tau_b", "spearman", "Psi")] == pytest.approx([1] * 4)
    assert [turned[name] for name in ("tau_a", "tau_b", "spearman", "Psi")] == pytest.approx([-1] * 4)
    assert perfect["cmi"] == pytest.approx(1) == pytest.approx(turned["cmi"])
    assert perfect["sign_error"]["max"] == 0
    assert turned["sign_error"]["mean"] == 1
    low = 2 * 0.025 ** (1 / 9) - 1  # of nine disjoint comparisons that all agree
    assert perfect["interval"] == {"tau_b": pytest.approx([low, 1], abs=0.02), "Psi": pytest.approx([low, 1], abs=0.02)}
    assert abs(useless["Psi"]) < 0.5
    assert useless["interval"]["tau_b"][0] < 0 < useless["interval"]["tau_b"][1]
    assert measures_in(order(report.report)) == ["perfect", "useless", "memory", "reversed"]


def test_the_expected_sign_turns_the_order_and_not_the_figure() -> None:
    """A measure declared to fall with the gap is judged by its negative."""
    report = ranked(
        zoo(), bootstrap=0, metadata=GROWING | {"reversed": {"expected_sign": -1}, "perfect": {"expected_sign": -1}}
    )

    assert report["measures"]["reversed"]["Psi"] == pytest.approx(-1)
    assert measures_in(order(report.report)) == ["reversed", "useless", "memory", "perfect"]
    assert measures_in(order(report.report, "tau_b")) == ["reversed", "memory", "useless", "perfect"]
    assert order(report.report, "tau_b")[-1] == "constant"  # it has no tau-b
    with pytest.raises(RankingError, match="Did you mean: Psi"):
        order(report.report, "psi")  # type: ignore[arg-type]  # what a user may type


def test_without_a_sign_measures_are_ordered_by_the_size_of_psi() -> None:
    """The negative of the gap is as good as the gap, better than chance, and its sign is said to be unknown."""
    report = ranked(zoo(), bootstrap=200)
    turned, perfect = (report["measures"][name] for name in ("reversed", "perfect"))

    assert measures_in(order(report.report)) == ["perfect", "reversed", "useless", "memory"]
    assert [turned[name] for name in ("expected_sign", "Psi")] == [None, pytest.approx(-1)]
    assert turned["told_from"]["random"]["verdict"] == "better"
    assert turned["label_equivalents"] == perfect["label_equivalents"]
    assert [(row.place, row.sign) for row in rows_of(report.report) if row.name in ("perfect", "reversed")] == [
        (1, "unknown"),
        (1, "unknown"),
    ]
    assert "worse" not in {
        entry["told_from"]["random"]["verdict"] for entry in report["measures"].values() if not entry["control"]
    }


def test_the_interval_is_repeatable_and_depends_on_the_seed() -> None:
    """Equal seeds, equal reports."""
    first, again, other = (ranked(zoo(), bootstrap=50, seed=seed) for seed in (3, 3, 4))

    assert first == again
    assert first["measures"]["useless"]["interval"] != other["measures"]["useless"]["interval"]
    assert first["measures"]["useless"]["tau_b"] == other["measures"]["useless"]["tau_b"]


def test_networks_that_did_not_converge_are_left_out_and_counted() -> None:
    """Unless asked for; so are networks without a target."""
    frame = zoo().assign(converged=[False] * 5 + [True] * 43)
    frame.loc[10, "gap"] = np.nan
    without, with_them = ranked(frame, bootstrap=0), ranked(frame, bootstrap=0, converged_only=False)

    assert (without["models"], without["not_converged"], without["without_target"]) == (30, 5, 1)
    assert (with_them["models"], with_them["not_converged"]) == (35, 5)
    assert without["measures"]["perfect"]["n"] == 30


def test_a_small_test_set_resolves_fewer_environments() -> None:
    """The sign error takes each network's own number of test examples, else 10,000, and says so."""
    assumed, small = ranked(zoo(), bootstrap=0), ranked(zoo().assign(test_size=500), bootstrap=0)

    assert (assumed["test_size"], small["test_size"]) == (10_000, None)
    assert (
        small["measures"]["useless"]["sign_error"]["environments"]
        < assumed["measures"]["useless"]["sign_error"]["environments"]
    )


def test_the_effective_number_of_pairs_is_told() -> None:
    """The least and the median over environments, of all and of each hyperparameter."""
    whole = zoo(seeds=3)
    frame = whole[whole["hp.corruption"].isin(list(RANKED))]
    levels = {name: pd.factorize(frame[name])[0].astype(np.int64) for name in ("hp.corruption", "hp.width", "hp.rate")}
    found = environments_of(frame["gap"].to_numpy(), levels, np.full(len(frame), 1e4))
    error = ranked(whole, bootstrap=0)["measures"]["useless"]["sign_error"]

    assert np.ptp(found.effective) > 1
    for part, members in [(error, found.axis != "")] + [(error["along"][name], found.axis == name) for name in levels]:
        effective = found.effective[members]
        assert part["effective"] == pytest.approx({"min": effective.min(), "median": np.median(effective)})


def test_other_targets() -> None:
    """A loss gap is no share of test examples, so it has no sign error; everything else follows the target."""
    frame = zoo().drop(columns="gap").assign(train_accuracy=0.9, test_accuracy=0.9 - zoo()["gap"])
    frame = frame.assign(train_loss=0.01, test_loss=5 - frame["measure.perfect"])
    loss, error = (ranked(frame, target=target, bootstrap=0) for target in ("loss_gap", "test_error"))

    assert loss["measures"]["perfect"]["tau_b"] == pytest.approx(-1)
    assert "this one is a loss" in loss["measures"]["perfect"]["why"]["sign_error"]
    assert error["measures"]["perfect"]["tau_b"] == pytest.approx(1)
    assert error["measures"]["perfect"]["sign_error"]["mean"] == 0


def test_a_searched_learning_rate_is_binned_and_said() -> None:
    """Without bins no two networks would differ in any other hyperparameter alone; the report names the edges."""
    frame = zoo(seeds=4)
    rng = np.random.default_rng(1)
    frame["hp.rate"] = 10 ** rng.uniform(-4, 0, len(frame))
    report, unbinned = ranked(frame, bootstrap=10), ranked(frame, bootstrap=0, bins={"rate": 0})

    assert report["binned"]["hp.rate"]["bins"] == 4
    assert report["binned"]["hp.rate"]["edges"] == sorted(report["binned"]["hp.rate"]["edges"])
    assert report["measures"]["perfect"]["Psi"] == 1
    assert report["configurations"] == len(frame) - report["random_labels"] == 72
    assert unbinned["binned"] == {}
    assert [name for name, psi in unbinned["measures"]["perfect"]["psi"].items() if psi is not None] == ["hp.rate"]
    assert None not in report["measures"]["perfect"]["psi"].values()
    assert_nulls_have_reasons(report)
    assert ranked(zoo(), bootstrap=0)["binned"] == {}
    with pytest.raises(LedgerError, match="Did you mean: rate"):
        ranked(frame, bootstrap=0, bins={"rat": 3})
    with pytest.raises(LedgerError, match="Only a numeric hyperparameter can be binned; 'corruption' is text"):
        ranked(frame, bootstrap=0, bins={"corruption": 3})


def test_seeds_are_averaged_or_kept_and_said() -> None:
    """Noise between seeds moves the psi of networks and not that of means, to speak of."""
    frame = zoo(seeds=6)
    frame["measure.noisy"] = frame["gap"] + 0.02 * np.random.default_rng(2).normal(size=len(frame))
    averaged, kept = (ranked(frame, bootstrap=0, permutations=5, seeds=seeds) for seeds in ("averaged", "kept"))

    assert (averaged["seeds"], kept["seeds"]) == ("averaged", "kept")
    assert averaged["measures"]["noisy"]["Psi"] > kept["measures"]["noisy"]["Psi"] + 0.02
    assert averaged["measures"]["noisy"]["tau_b"] == kept["measures"]["noisy"]["tau_b"]
    assert kept["measures"]["perfect"]["Psi"] == 1
    assert averaged["measures"]["noisy"]["null"]["Psi"] == kept["measures"]["noisy"]["null"]["Psi"]


def test_a_ledger_with_too_many_pairs_keeps_its_psi(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of sampled pairs, near that of all pairs and with the error in the report."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"hp.rate": rng.integers(0, 4, 300), "hp.width": rng.integers(0, 2, 300)})
    frame["hp.run"] = np.arange(300)
    frame["gap"] = 0.1 * frame["hp.rate"] + 0.6 * rng.random(300)
    frame["measure.x"] = frame["gap"] + rng.random(300)
    whole = ranked(frame, bootstrap=0, bins={"run": 1})
    monkeypatch.setattr("leaderboard.statistics.granulated.MOST_PAIRS", 3000)
    monkeypatch.setattr("leaderboard.statistics.granulated.PAIRS_A_UNIT", 1)
    report = ranked(frame, bootstrap=100, bins={"run": 1})
    sampled = report["grid"]["sampled"]

    assert whole["grid"]["sampled"] == {}
    assert set(sampled) == {"hp.rate", "hp.width"}
    for name, sample in sampled.items():
        found, all_pairs = (each["measures"]["x"]["psi"][name] for each in (report, whole))
        assert sample["pairs"] < 3500 < sample["of"]
        assert found != all_pairs
        assert abs(found - all_pairs) < 3 * sample["error"] < 0.1
    assert report["measures"]["x"]["interval"]["Psi"] is not None
