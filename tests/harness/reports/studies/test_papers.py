"""Verdicts of a paper's claims, counts by status, and the table of source papers."""

from dataclasses import replace

import pytest

from harness.reports.studies.papers import count_papers, papers_by_status, verdicts_of, write_papers
from harness.reports.studies.record import StudyRun
from leaderboard.claims import JudgedClaim, claims_of
from leaderboard.claims.claim import Verdict
from leaderboard.claims.papers import STATUSES, Paper, source_papers
from zoo.suites.registry import suite

CLAIM = JudgedClaim(
    study="double_descent", name="", statement="", source="", published="", unit="", holds="", effect=None, low=None,
    high=None, networks=0, verdict="undecided", why="",
)  # fmt: skip


@pytest.fixture
def descent() -> StudyRun:
    """A study of two papers, staged otherwise today: its first claim is reproduced, the others are not."""
    names = [claim.name for claim in claims_of("double_descent")]
    others: Verdict = "not reproduced"
    claims = [replace(CLAIM, name=name, verdict=others if index else "reproduced") for index, name in enumerate(names)]
    return StudyRun(suite("double_descent"), "small", 4, {}, "", claims, "")


def _paper(name: str) -> Paper:
    return next(paper for paper in source_papers() if paper.authors.startswith(name))


def test_papers_that_share_a_study_have_their_own_verdicts(descent: StudyRun) -> None:
    """Nakkiran et al. have all claims but that on pairs of images."""
    known = {"double_descent": descent}

    assert verdicts_of(_paper("Nakkiran et al. (deep"), known) == {"reproduced": 1, "not reproduced": 4}
    assert verdicts_of(_paper("Chen, Wang & Kyrillidis"), known) == {"not reproduced": 1}
    assert verdicts_of(_paper("Liu, Papailiopoulos"), known) == {}  # was not run


def test_every_paper_has_a_row_and_a_status(descent: StudyRun) -> None:
    """Papers that work come first; a row links to its study and counts its verdicts."""
    section = write_papers([descent])
    rows = [row for row in section.splitlines() if row.startswith("| ")][1:]

    statuses = [row.split("|")[3].strip("* ") for row in rows]
    assert len(rows) == len(source_papers())
    assert statuses == sorted(statuses, key=STATUSES.index)
    assert statuses.count("not staged") == sum(paper.status == "not staged" for paper in source_papers())
    assert "[double_descent](#double_descent): 1 reproduced, 4 not reproduced in an earlier staging |" in section
    assert "[double_descent](#double_descent): 1 not reproduced in an earlier staging; `pairs` (recipe) |" in section


def test_a_paper_whose_study_was_not_run_works_partly(descent: StudyRun) -> None:
    """Its row says so; the others keep their status."""
    known = {"double_descent": descent}
    before = {paper.citation: paper for paper in source_papers()}
    after = {paper.citation: paper for paper in papers_by_status(known)}

    assert before.keys() == after.keys()
    for name, paper in before.items():
        if paper.status == "works" and "double_descent" not in paper.studies:
            assert after[name].status == "partly"
            assert after[name].missing.startswith("a run")
        else:
            assert after[name] == paper


def test_papers_are_counted_by_status() -> None:
    """A sentence."""
    papers = [Paper(authors="A", year=2020, finding="F.", status=status) for status in ("works", "partly", "works")]

    assert count_papers(papers) == "Of 3 papers 2 work, 1 partly, and 0 are not staged."
