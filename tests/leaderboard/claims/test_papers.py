"""The table of source papers against the studies, claims, measures and recipe fields that it names."""

import re
from collections import Counter
from dataclasses import fields

from leaderboard.claims import claims_of
from leaderboard.claims.papers import STATUSES, TABLE, source_papers
from measures.registry import catalog
from zoo.recipe import Recipe
from zoo.suites.registry import suites

PAPERS = source_papers()
STUDIES = {name for name in suites() if claims_of(name)}


def test_every_study_is_in_the_table() -> None:
    """A study that nobody entered is missing from the page's table."""
    unknown = STUDIES - {study for paper in PAPERS for study in paper.studies}
    assert not unknown, f"Name these studies in a row of leaderboard/claims/{TABLE}: {sorted(unknown)}"


def test_what_the_table_names_exists() -> None:
    """Studies, measures and recipe fields."""
    assert {study for paper in PAPERS for study in paper.studies} <= STUDIES
    assert {measure for paper in PAPERS for measure in paper.measures} <= set(catalog())
    assert {name for paper in PAPERS for name in paper.fields} <= {field.name for field in fields(Recipe)}


def test_every_claim_belongs_to_one_paper() -> None:
    """Papers that share a study share out its claims; a paper with a study to itself has them all."""
    shared = Counter(study for paper in PAPERS for study in paper.studies)
    for study in STUDIES:
        known = sorted(claim.name for claim in claims_of(study))
        papers = [paper for paper in PAPERS if study in paper.studies]
        if shared[study] > 1:
            assert all(set(paper.claims) & set(known) for paper in papers), study
        named = [name for paper in papers for name in paper.claims if name in known]
        assert sorted(named) == known or (not named and shared[study] == 1), study
    claims = {claim.name for study in STUDIES for claim in claims_of(study)}
    assert {name for paper in PAPERS for name in paper.claims} <= claims


def test_status_says_what_is_there() -> None:
    """A paper that works has a study, one that does not says what is missing, one that is not staged has nothing."""
    assert {paper.status for paper in PAPERS} <= set(STATUSES)
    for paper in PAPERS:
        assert paper.studies or paper.status != "works", paper.citation
        assert paper.missing or paper.status == "works", paper.citation
        assert paper.status != "not staged" or not (paper.studies + paper.measures + paper.fields), paper.citation


def test_papers_are_well_formed_and_unique() -> None:
    """Identifiers as arXiv forms them; no paper, and no part of one, has two rows; findings are sentences."""
    assert len(PAPERS) >= 70
    assert len({paper.citation for paper in PAPERS}) == len(PAPERS)
    named = [(paper.arxiv, paper.part) for paper in PAPERS if paper.arxiv]
    assert len(set(named)) == len(named)
    for paper in PAPERS:
        assert re.fullmatch(r"(\d{4}\.\d{5})?", paper.arxiv), paper.citation
        assert 2016 <= paper.year <= 2026, paper.citation
        assert re.fullmatch(r"[A-Z].*[^.]\.", paper.finding), paper.citation
        assert not paper.missing.endswith("."), paper.citation
