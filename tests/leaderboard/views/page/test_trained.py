"""Test the page's description of the networks and of the ranking."""

from dataclasses import replace

import pandas as pd

from leaderboard.ranking.report import Power, Report
from leaderboard.views.page.trained import choices, outcome, power_line, quantities, settings
from tests.leaderboard.reports import Ranked


def test_choices() -> None:
    """Few values one by one in their order, many numbers as a range, many texts as their number; missing ones count."""
    ledger = pd.DataFrame(
        {
            "hp.width": [2.0, 0.25, 2.0, *[8.0] * 17],
            "hp.lr": [0.001 * place for place in range(1, 21)],
            "hp.name": [f"name {place}" for place in range(20)],
            "hp.model": ["vit", None, *["mlp"] * 18],
            "other": 1,
        }
    )

    assert choices(ledger) == {
        "width": [("0.25", 1), ("2", 2), ("8", 17)],
        "lr": [("20 values from 0.001 to 0.02", 20)],
        "name": [("20 values", 20)],
        "model": [("vit", 1), ("none", 1), ("mlp", 18)],
    }


def test_quantities(ridge_ledger: pd.DataFrame) -> None:
    """Least, median and largest of what is there, the gap worked out of the accuracies."""
    gap = ridge_ledger["train_accuracy"] - ridge_ledger["test_accuracy"]
    found = dict(quantities(ridge_ledger))

    assert found["generalization gap"] == (gap.min(), gap.median(), gap.max())
    assert list(found) == ["generalization gap", "training accuracy", "test accuracy"]


def test_outcome(ridge_ledger: pd.DataFrame) -> None:
    """Reasons by how often they occur; nothing without the column."""
    assert outcome(ridge_ledger) == {}
    assert outcome(ridge_ledger.assign(stopped=["target"] * 20 + ["epochs"] * 16)) == {"target": 20, "epochs": 16}


def test_settings(ridge_report: Report, ridge_json: Ranked) -> None:
    """How the ranking was made, from the report."""
    said = settings(ridge_report)

    assert said["networks"] == 23
    assert said["resamples"] == 100
    assert said["strata"] == "corruption"
    assert said["data sets"] == ridge_json["why"]["across"]
    assert str(said["correction over measures"]).endswith(", 4 measures")
    grid = ridge_json["grid"]
    assert said["configurations"] == f"12, {grid['holes']} of {grid['places']} cells of the grid are empty"


def test_power_line() -> None:
    """The two best, their difference, and how many networks would settle it."""
    power = Power(between=["a", "b"], difference=0.0123, networks=96, networks_needed=1500)

    assert power_line(power) == (
        "a and b differ by 0.012 in Ψ; about 1,500 such networks would settle it; this ledger has 96."
    )
    assert power_line(replace(power, networks_needed=None)) == (
        "a and b differ by 0.012 in Ψ, which no number of such networks could settle."
    )
    assert power_line(None) == ""
