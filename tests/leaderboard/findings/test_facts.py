"""Facts that the findings state about a ranking, on a zoo with planted measures."""

from dataclasses import replace

import pytest

from leaderboard.findings.facts import (
    beats_chance,
    below_chance,
    discouraged,
    family_facts,
    pairs_told_apart,
    passes_gate,
    ranked_names,
    recommended,
)
from leaderboard.ranking.entry import Chance, Gate
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
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


def test_families_hold_their_measures_best_first(report: Report) -> None:
    """Counts are sums over the members."""
    facts = {one.family: one for one in family_facts(report)}
    assert list(facts["good"].names) == ["perfect", "reversed"]
    assert facts["good"].median == pytest.approx(0, abs=1e-9)  # +1 and -1
    assert (facts["good"].better, facts["good"].worse) == (1, 1)
    assert facts["good"].better + facts["bad"].better == sum(
        beats_chance(report.measures[name]) for name in ranked_names(report)
    )


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


def test_the_gate_is_passed_in_the_expected_direction(report: Report) -> None:
    """A score that should fall with the gap passes below one half."""
    entry = report.measures["perfect"]
    low = Gate(auc=0.1, interval=Interval(0.0, 0.2), true=4, random=4, matched=True)
    assert passes_gate(replace(entry, gate=low)) is False
    assert passes_gate(replace(entry, gate=low, about=replace(entry.about, expected_sign=-1))) is True
    assert passes_gate(replace(entry, gate=None)) is None


def test_pairs_are_counted_once(report: Report) -> None:
    """Among n measures there are n (n - 1) / 2; the perfect and the reversed one are told apart."""
    told, pairs = pairs_told_apart(report)
    names = [name for name in ranked_names(report) if name in report.comparisons.names]
    assert pairs == len(names) * (len(names) - 1) // 2
    assert 1 <= told <= pairs


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
