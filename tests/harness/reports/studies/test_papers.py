"""Verdicts of a paper's claims, counts by status, and the table of source papers."""

from dataclasses import replace

import pytest

from harness.reports.studies.papers import count_papers, verdicts_of, write_papers
from harness.reports.studies.record import StudyRun
from leaderboard.claims import JudgedClaim, claims_of
from leaderboard.claims.claim import Verdict
from leaderboard.claims.papers import Paper, source_papers
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

    assert len(rows) == len(source_papers())
    assert [row.split("|")[3].strip() for row in rows] == sorted(
        (f"**{paper.status}**" for paper in source_papers()), key=["**works**", "**partly**", "**not staged**"].index
    )
    assert "[double_descent](#double_descent): 1 reproduced, 4 not reproduced in an earlier staging |" in section
    assert "[double_descent](#double_descent): 1 not reproduced in an earlier staging; `pairs` (recipe) |" in section


def test_papers_are_counted_by_status() -> None:
    """A sentence."""
    papers = [Paper(authors="A", year=2020, finding="F.", status=status) for status in ("works", "partly", "works")]

    assert count_papers(papers) == "Of 3 papers 2 work, 1 partly, and 0 are not staged."
