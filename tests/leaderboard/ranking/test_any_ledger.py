"""Reports of ledgers with holes, from elsewhere, or on which little or nothing can be said."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard import order, read_ledger
from leaderboard.errors import LedgerError
from tests.leaderboard.reports import assert_nulls_have_reasons, ranked, zoo


def test_outcomes_costs_and_metadata_are_reported() -> None:
    """A network without a score is counted where it belongs and takes nothing else down."""
    frame = zoo()
    frame.loc[[0, 1, 2, 3, 4], "measure.useless"] = [np.nan, np.inf, np.nan, np.nan, np.nan]
    frame["outcome.useless"] = ["unsupported", "failed", "timeout", "", "unsupported"] + ["scored"] * 43
    frame["cost.useless"] = [9.0, np.nan, np.inf] + [2.0] * 45
    metadata = {"useless": {"family": "norm", "needs": frozenset({"twin", "init"}), "source": "a paper", "version": 3}}
    report = ranked(frame, bootstrap=0, metadata=metadata)
    entry = report["measures"]["useless"]

    assert_nulls_have_reasons(report)
    assert entry["n"] == 31
    assert entry["outcomes"] == {"scored": 31, "unsupported": 2, "failed": 1, "timeout": 1, "stale": 0, "missing": 1}
    assert entry["cost"] == {"median_seconds": 2.0}
    assert (entry["family"], entry["needs"], entry["version"]) == ("norm", ["init", "twin"], 3)
    assert not entry["control"]
    assert report["measures"]["perfect"]["n"] == 36
    assert report["measures"]["hp.width"]["control"]


def test_an_unknown_stratum_is_refused_and_a_missing_corruption_is_not() -> None:
    """The default need not be there; what a user asks for must."""
    report = ranked(zoo().drop(columns="hp.corruption"), bootstrap=0)
    assert report["within"] is None
    assert "no column hp.corruption" in report["why"]["within"]
    assert_nulls_have_reasons(report)
    with pytest.raises(LedgerError, match="Did you mean: width"):
        ranked(zoo(), within="widht", bootstrap=0)
    assert set(ranked(zoo(), within="width", bootstrap=0)["within"]["strata"]) == {"8", "16", "32"}


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
        lambda frame: frame.assign(**{"hp.width": None, "hp.rate": ["a", None] * 24}),
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.sample(frac=0.4, random_state=0),
    ],
)
def test_whatever_cannot_be_said_is_null_with_a_reason(change: Any) -> None:
    """Never NaN, never a crash."""
    report = ranked(change(zoo()), bootstrap=20)

    assert_nulls_have_reasons(report)
    assert len(order(report.report)) == len(report["measures"])


def test_the_competitions_table(data_dir: Path) -> None:
    """A ledger that gapbench did not make: official scores, and the four measures between the controls."""
    report = ranked(read_ledger(data_dir / "pgdl" / "task1.csv"), bootstrap=300)
    official = {"VPM_1": 0.060700993773, "VPM_80": 0.056105256539, "VR": 0.093162888051, "WCV": 0.277451042877}

    assert_nulls_have_reasons(report)
    assert report["models"] == report["configurations"] == 96
    assert {name: report["measures"][name]["pgdl"] for name in official} == pytest.approx(official, abs=1e-11)
    assert {name: report["measures"][name]["tau_a"] for name in official} == pytest.approx(
        {"VPM_1": 0.5004, "VPM_80": 0.5035, "VR": 0.5443, "WCV": 0.7855}, abs=5e-5
    )
    assert [name for name in order(report.report) if name in official] == ["WCV", "VR", "VPM_80", "VPM_1"]
    wcv = report["measures"]["WCV"]
    assert wcv["interval"]["Psi"][0] < wcv["Psi"] < wcv["interval"]["Psi"][1]
    assert wcv["cmi_given"] == ["hp.bs", "hp.num_conv_blocks"]
    assert report["measures"]["noisy_oracle_0.01"]["tau_b"] > 0.85


def test_missing_cells_and_holes_are_counted() -> None:
    """Scores that are missing or infinite, of measures and not of controls; places of the grid without a network."""
    frame = zoo()
    frame = frame[~((frame["hp.width"] == 8) & (frame["hp.rate"] == 0.1))].reset_index(drop=True)
    frame.loc[:3, "measure.useless"] = np.nan
    frame.loc[9, "measure.perfect"] = np.inf
    report = ranked(frame, bootstrap=0)

    assert report["missing_cells"] == 5
    assert report["grid"] == {"places": 18, "filled": 15, "holes": 3, "replicates": [2, 2], "sampled": {}}


def test_more_networks_than_can_be_counted_are_refused() -> None:
    """At once, with what to do."""
    frame = pd.DataFrame(
        {"hp.a": np.zeros(70_000), "gap": np.arange(70_000) / 70_000, "measure.x": np.arange(70_000.0)}
    )
    with pytest.raises(LedgerError, match=r"At most 65,535 networks can be ranked; got 70,000\. Rank a random sample"):
        ranked(frame)


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
    report = ranked(frame, bootstrap=7 * (seed % 2), seeds="kept" if seed % 4 == 0 else "averaged")

    assert_nulls_have_reasons(report)
    assert len(order(report.report)) == len(report["measures"])
