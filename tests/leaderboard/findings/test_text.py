"""The page of findings: its sentences follow the numbers."""

from dataclasses import replace
from typing import Any

import pytest

from leaderboard.findings.agreement import Agreement, Halves
from leaderboard.findings.text import Findings, Zoo, write_findings
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.statistics.resampling import Interval
from tests.leaderboard.reports import zoo


@pytest.fixture(scope="module")
def report() -> Report:
    """The planted zoo."""
    metadata: dict[str, dict[str, Any]] = {
        "perfect": {"family": "pac_bayes", "track": "training data"},
        "reversed": {"expected_sign": 1},
    }
    return rank(zoo(seeds=4), bootstrap=200, metadata=metadata)


def page(report: Report, **known: Any) -> str:
    """The page of a report, with every run of blanks as one."""
    findings = replace(Findings(zoo=Zoo(name="planted", report=report, sizes=(10, 2000)), command="make it"), **known)
    return " ".join(write_findings(findings).split())


def test_sentences_follow_the_ranking(report: Report) -> None:
    """Sizes, verdicts and advice; a small zoo says that it is one."""
    text = page(report)
    assert "Written by `make it`" in text
    assert f"on {report.models} networks" in text
    assert "This is a part of a zoo" in text
    assert "| pac bayes | 1 | +1.00 | `perfect`" in text
    assert "| training data |" in text
    assert "These point the other way than their papers say: `reversed`." in text
    assert "of 10 to 2,000 parameters" in text


def test_without_resamples_nothing_is_recommended() -> None:
    """There is no verdict then."""
    text = page(rank(zoo(), bootstrap=0))
    assert "these networks recommend none" in text
    assert "Corrected for testing all of them, 0 beat chance" in text


def test_without_random_labels_the_gate_is_not_tested() -> None:
    """In words."""
    ledger = zoo()
    report = rank(ledger[ledger["hp.corruption"] != "random_labels"], bootstrap=20)
    assert "too few networks trained on random labels" in page(report)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Agreement(0.7, Interval(0.4, 0.9), 30), "**+0.70** [+0.40, +0.90] (72 networks against 72"),
        (Agreement(0.7, Interval(0.4, 0.9), 30), "agree more than by chance"),
        (Agreement(0.1, Interval(-0.2, 0.4), 30), "compatible with no agreement"),
        (Agreement(-0.7, Interval(-0.9, -0.4), 30), "They disagree"),
        (Agreement(0.7, None, 30), "too few families for an interval"),
        (None, "shares too few measures"),
    ],
)
def test_another_zoo(report: Report, found: Agreement | None, words: str) -> None:
    """The verdict is that of the interval."""
    text = page(report, others=[(Zoo(name="digits", report=report), found)])
    assert "Does digits rank the measures as planted does?" in text
    assert words in text


@pytest.mark.parametrize(("rhos", "words"), [((0.9, 0.85, 0.7), "they agree."), ((0.9, 0.2, 0.3), "do not agree yet.")])
def test_two_halves(report: Report, rhos: tuple[float, ...], words: str) -> None:
    """The median of the splits against 0.8."""
    halves = Halves(rhos, measures=5, networks=30, by=("hp.model", "hp.corruption"))
    text = page(report, zoo=Zoo(name="planted", report=report, halves=halves))
    assert words in text
    assert "blocks of one model and corruption" in text


def test_pictures_stand_in_their_sections(report: Report) -> None:
    """By their paths; without pictures there are none."""
    assert "![families](findings/families.svg)" in page(report, figures={"families": "findings/families.svg"})
    assert "![" not in page(report)
