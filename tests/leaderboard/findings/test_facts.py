"""Facts that the findings state about a ranking, on a zoo with planted measures."""

from dataclasses import replace

import pytest

from leaderboard.findings.facts import (
    discouraged,
    pairs_told_apart,
    recommended,
)
from leaderboard.ranking.entry import Gate
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import below_chance, ranked_names
from leaderboard.statistics.resampling import Interval
from tests.leaderboard.reports import zoo

METADATA = {
    "perfect": {"family": "good", "expected_sign": 1},
    "reversed": {"family": "good", "expected_sign": 1},
    "memory": {"family": "bad", "expected_sign": 1},
    "useless": {"family": "bad", "expected_sign": 1},
}


@pytest.fixture(scope="module")
def report() -> Report:
    """The planted zoo with four seeds, so that verdicts fall."""
    return rank(zoo(seeds=4), bootstrap=200, metadata=METADATA)


def test_advice(report: Report) -> None:
    """The perfect measure is recommended and the reversed one discouraged; the useless one is neither."""
    assert "perfect" in recommended(report)
    assert discouraged(report) == ["reversed"]
    assert "useless" not in recommended(report)
    assert below_chance(report.measures["reversed"])


def test_a_measure_that_fails_the_gate_is_not_recommended(report: Report) -> None:
    """One that the gate could not test still is."""
    entry = report.measures["perfect"]
    for gate, kept in (
        (Gate(auc=0.5, interval=Interval(0.3, 0.7), true=4, random=4, matched=True), False),
        (None, True),
    ):
        changed = replace(report, measures={**report.measures, "perfect": replace(entry, gate=gate)})
        assert ("perfect" in recommended(changed)) is kept


def test_pairs_are_counted_once(report: Report) -> None:
    """Among n measures there are n (n - 1) / 2; the perfect and the reversed one are told apart."""
    told, pairs = pairs_told_apart(report)
    names = [name for name in ranked_names(report) if name in report.comparisons.names]
    assert pairs == len(names) * (len(names) - 1) // 2
    assert 1 <= told <= pairs
