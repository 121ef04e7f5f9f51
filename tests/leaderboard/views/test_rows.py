"""Rows of the leaderboard: places, signs and reasons."""

from typing import Any

import pytest

from leaderboard.ranking.report import Report
from leaderboard.statistics.resampling import Interval
from leaderboard.views.rows import Figure, Row, Verdict, rows_of
from tests.leaderboard.reports import Ranked

BARE: dict[str, Any] = {
    "name": "m",
    "position": 1,
    "place": 1,
    "family": "norm",
    "track": "training data",
    "across": Figure(value=None),
    "tau_b": Figure(value=None),
    "tau_b_within": Figure(value=None),
    "gate": Figure(value=None),
    "seconds": None,
    "networks": 3,
    "outcomes": {},
}


@pytest.mark.parametrize(
    ("psi", "interval", "expected_sign", "control", "sign"),
    [
        (0.4, Interval(0.1, 0.6), 1, False, "as expected"),
        (-0.4, Interval(-0.6, -0.1), -1, False, "as expected"),
        (0.4, Interval(0.1, 0.6), -1, False, "reversed"),
        (-0.4, Interval(-0.6, -0.1), 1, False, "reversed"),
        (0.4, Interval(-0.1, 0.6), 1, False, "unclear"),
        (0.4, None, 1, False, "as expected"),
        (0.0, None, 1, False, "unclear"),
        (None, None, 1, False, ""),
        (0.4, Interval(0.1, 0.6), 1, True, ""),
    ],
)
def test_sign(psi: float | None, interval: Interval | None, expected_sign: int, *, control: bool, sign: str) -> None:
    """The sign says whether Psi points where it should, and stays open where the interval holds zero."""
    row = Row(**BARE, psi=Figure(value=psi, interval=interval), expected_sign=expected_sign, control=control)

    assert row.sign == sign


def test_the_sign_of_a_figure_that_too_few_networks_have_is_unclear() -> None:
    """An interval was asked for, and could not be had."""
    row = Row(**BARE, psi=Figure(value=1.0), expected_sign=1, control=False, resampled=True)

    assert row.sign == "unclear"


def test_best_first_with_the_expected_sign(ridge_report: Report, ridge_json: Ranked) -> None:
    """Psi times the expected sign falls from row to row, and what has no Psi comes last."""
    rows = rows_of(ridge_report)
    turned = [row.psi.value * row.direction for row in rows if row.psi.value is not None]

    assert len(rows) == len(ridge_json["measures"])
    assert turned == sorted(turned, reverse=True)
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    assert any(row.expected_sign == -1 for row in rows)


def test_controls_take_no_place(ridge_report: Report) -> None:
    """The measures proper are numbered from 1, equal ones alike, whatever controls stand between them."""
    rows = rows_of(ridge_report)

    assert [row.place for row in rows if not row.control] == [1, 1, 3, 4]
    assert all(row.place is None for row in rows if row.control)
    assert sum(row.control for row in rows) > 4


def test_a_row_says_what_the_report_says(ridge_report: Report, ridge_json: Ranked) -> None:
    """Every figure of a row stands in the report under its own name."""
    entry = ridge_json["measures"]["frobenius_norm"]
    row = next(row for row in rows_of(ridge_report) if row.name == "frobenius_norm")

    assert row.psi == Figure(value=entry["Psi"], interval=Interval(*entry["interval"]["Psi"]))
    assert row.tau_b == Figure(value=entry["tau_b"], interval=Interval(*entry["interval"]["tau_b"]))
    assert row.tau_b_within.value == entry["within"]["tau_b"] != entry["tau_b"]
    assert row.gate.value == entry["gate"]["auc"]
    assert row.across.value == entry["psi"]["hp.corruption"]
    assert row.track == "training data"
    assert (row.seconds, row.networks, row.family) == (0.0021, 23, "norm")


def test_a_figure_that_is_missing_has_its_reason(ridge_report: Report, ridge_json: Ranked) -> None:
    """A constant has no tau-b, and the row says why."""
    row = next(row for row in rows_of(ridge_report) if row.name == "constant")

    assert row.tau_b.value is None
    assert row.tau_b.why == ridge_json["measures"]["constant"]["why"]["tau_b"] != ""


@pytest.mark.parametrize(
    ("chance", "hyperparameter", "words"),
    [
        ("better", "worse", "chance; worse than hp"),
        ("worse", "worse", "worse than chance and hp"),
        ("worse", "", "worse than chance"),
        ("not told apart", "not told apart", "neither"),
        ("", "", ""),
    ],
)
def test_worse_is_said(chance: Verdict, hyperparameter: Verdict, words: str) -> None:
    """It is not the same as a measure of which nothing can be said."""
    row = Row(
        **BARE, psi=Figure(value=0.1), expected_sign=1, control=False, chance=chance, hyperparameter=hyperparameter
    )

    assert row.better_than == words
