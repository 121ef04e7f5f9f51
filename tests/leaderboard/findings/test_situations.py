"""Best measures by what they need and compute, on a zoo with planted measures."""

from dataclasses import replace

import pytest

from leaderboard.findings.situation_text import describe_situations
from leaderboard.findings.situations import Budget, situations
from leaderboard.ranking.entry import Gate
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.statistics.resampling import Interval
from leaderboard.views.held_out import beside
from tests.leaderboard.reports import zoo

METADATA: dict[str, dict[str, object]] = {
    "perfect": {"expected_sign": 1, "track": "training data", "needs": ["init"]},
    "reversed": {"expected_sign": 1, "track": "weights only"},
    "memory": {"expected_sign": 1, "track": "unlabeled inputs", "needs": ["unlabeled", "twin"]},
    "useless": {"expected_sign": 1, "track": "training data", "needs": ["init"]},
}
BUDGETS: dict[str, Budget] = {
    "perfect": "gradients",
    "reversed": "forward passes",
    "memory": "forward passes",
    "useless": "curvature",
}


@pytest.fixture(scope="module")
def report() -> Report:
    """The planted zoo with four seeds, so that verdicts fall."""
    return rank(zoo(seeds=4), bootstrap=200, metadata=METADATA)


def test_every_measure_stands_in_one_situation(report: Report) -> None:
    """The least demanding first; what is worse than a measure that asks for less does not pay."""
    found = situations(report, BUDGETS)

    assert [(one.words, one.budget, one.names) for one in found] == [
        ("weights", "forward passes", ("reversed",)),
        ("training data, initialization", "gradients", ("perfect",)),
        ("training data, initialization", "curvature", ("useless",)),
        ("training data, unlabeled inputs, second run", "forward passes", ("memory",)),
    ]
    assert [one.pays for one in found] == [True, True, False, True]  # the last is above the reversed one alone


def test_a_situation_lists_its_best(report: Report) -> None:
    """Two at most, of all that it counts; measures without a budget are left out."""
    alike = {name: replace(entry, about=report.measures["perfect"].about) for name, entry in report.measures.items()}
    same: dict[str, Budget] = dict.fromkeys(("perfect", "reversed", "useless"), "gradients")
    (one,) = situations(replace(report, measures=alike), same)

    assert one.measures == 3
    assert one.names[0] == "perfect"
    assert len(one.names) == 2
    assert situations(report, {}) == []


def test_the_table(report: Report) -> None:
    """Bold what pays; the gate is that of the first zoo that could test it; the held-out verdict is in words."""
    other = rank(zoo(), bootstrap=0, metadata=METADATA)
    gated = Gate(auc=0.9, interval=Interval(0.8, 1.0), true=4, random=4, matched=True)
    without = {name: replace(entry, gate=None) for name, entry in report.measures.items()}
    with_gate = replace(other, measures={**other.measures, "perfect": replace(other.measures["perfect"], gate=gated)})
    first = replace(report, measures=without, beside=beside(report, other))
    found = describe_situations(first, BUDGETS, [("digits", with_gate)])

    assert found is not None
    head, _, *rows = found.table.splitlines()
    (perfect,) = (row for row in rows if "`perfect`" in row)
    cells = dict(zip(head.split("|"), perfect.split("|"), strict=True))
    assert cells[" best "] == " **`perfect`** "
    assert cells[" Psi "] == " +1.00 "
    assert cells[" on digits "].startswith(" +1.00")
    assert cells[" gate "] == " passes (digits) "
    assert cells[" better than "].startswith(" chance")
    assert cells[" held out "] != " – "
    assert "*Held out*" in found.legend
    assert "`perfect` (training data, initialization; gradients)" in found.sentences[0]
    assert "`reversed`" not in found.sentences[0]  # its Psi is below 0
    assert "training data, initialization with curvature" in found.sentences[1]


def test_without_budgets_there_is_nothing(report: Report) -> None:
    """Of measures that gapbench does not know, nobody knows what they compute."""
    assert describe_situations(report, {}) is None
