"""Verdicts on single measures of a zoo with planted ones."""

from dataclasses import replace

import pytest

from leaderboard.ranking.entry import Chance, Gate
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import beats_chance, below_chance, passes_gate, ranked_names
from leaderboard.statistics.resampling import Interval
from tests.leaderboard.reports import zoo

SIGNED = {name: {"expected_sign": 1} for name in ("perfect", "reversed", "memory", "useless")}


@pytest.fixture(scope="module")
def report() -> Report:
    """The planted zoo."""
    return rank(zoo(), bootstrap=0, metadata=SIGNED)


def test_the_gate_is_passed_in_the_expected_direction(report: Report) -> None:
    """A score that should fall with the gap passes below one half."""
    entry = report.measures["perfect"]
    low = Gate(auc=0.1, interval=Interval(0.0, 0.2), true=4, random=4, matched=True)
    assert passes_gate(replace(entry, gate=low)) is False
    assert passes_gate(replace(entry, gate=low, about=replace(entry.about, expected_sign=-1))) is True
    assert passes_gate(replace(entry, gate=None)) is None


def test_noisy_estimators_are_left_out(report: Report) -> None:
    """They take no rank in the ranking either."""
    entry = report.measures["useless"]
    noisy = replace(entry, about=replace(entry.about, noise=0.9))
    assert "useless" in ranked_names(report)
    assert "useless" not in ranked_names(replace(report, measures={**report.measures, "useless": noisy}))


def test_chance_without_a_verdict_counts_for_nothing(report: Report) -> None:
    """As where there are no resamples."""
    entry = report.measures["perfect"]
    undecided = replace(entry.told_from, random=Chance(verdict="not told apart", networks_needed=None))
    for told in (undecided, replace(entry.told_from, random=None)):
        assert not beats_chance(replace(entry, told_from=told))
        assert not below_chance(replace(entry, told_from=told))
