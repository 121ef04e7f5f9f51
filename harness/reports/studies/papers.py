"""Counts of the source papers by status, and their table in Markdown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from harness.reports.studies.record import StudyRun
from leaderboard.claims.claim import Verdict
from leaderboard.claims.papers import STATUSES, Paper, source_papers
from leaderboard.views.markdown_table import code, escape, left, write_table

VERDICTS: Final[tuple[Verdict, ...]] = ("reproduced", "not reproduced", "undecided")
COLUMNS: Final = left("paper", "finding", "status", "study, measures and recipe fields", "missing")
HEAD: Final = """
## Source papers

The papers that gapbench was made from. A paper *works* if claims of a study test its finding and have a verdict,
whichever it is; *partly* if a measure, a recipe field or a study is there, but no claim at a size or setting that can
decide; it is *not staged* if nothing of it is there. The rows are those of `leaderboard/claims/papers.toml`.

"""


def count_papers(papers: Iterable[Paper]) -> str:
    """Say how many papers have each status."""
    counts = Counter(paper.status for paper in papers)
    works, partly, absent = (counts[status] for status in STATUSES)
    return f"Of {counts.total()} papers {works} work, {partly} partly, and {absent} are not staged."


def verdicts_of(paper: Paper, studies: Mapping[str, StudyRun]) -> Counter[Verdict]:
    """Count the verdicts of a paper's claims in the studies that were run."""
    claims = [claim for name in paper.studies if name in studies for claim in studies[name].claims]
    return Counter(claim.verdict for claim in claims if not paper.claims or claim.name in paper.claims)


def papers_by_status(studies: Mapping[str, StudyRun]) -> list[Paper]:
    """Return the source papers, those that work first; one whose study has not been run works but partly."""
    papers = (_lacking_a_run(paper) if not verdicts_of(paper, studies) else paper for paper in source_papers())
    return sorted(papers, key=lambda paper: STATUSES.index(paper.status))


def studies_by_name(studies: Sequence[StudyRun]) -> dict[str, StudyRun]:
    """Take of each study the largest size that was run, of those that are staged as they are now where there is one."""
    return {one.suite.name: one for one in sorted(studies, key=lambda one: one.is_current)}


def write_papers(studies: Sequence[StudyRun]) -> str:
    """Write the section of the page that counts and lists the papers."""
    known = studies_by_name(studies)
    papers = papers_by_status(known)
    return f"{HEAD}{count_papers(papers)}\n\n{write_table(COLUMNS, (_row(paper, known) for paper in papers))}"


def _lacking_a_run(paper: Paper) -> Paper:
    if paper.status != "works":
        return paper
    missing = f"a run; {paper.missing}" if paper.missing else "a run"
    return msgspec.structs.replace(paper, status="partly", missing=missing)


def _row(paper: Paper, studies: Mapping[str, StudyRun]) -> list[str]:
    verdicts = verdicts_of(paper, studies)
    counted = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS if verdicts[verdict])
    names = [f"[{name}](#{name})" if name in studies else name for name in paper.studies]
    earlier = any(name in studies and not studies[name].is_current for name in paper.studies)
    here = [
        ", ".join(names) + (f": {counted}" if counted else "") + (" in an earlier staging" if earlier else ""),
        ", ".join(map(code, paper.measures)),
        ", ".join(f"{code(name)} (recipe)" for name in paper.fields),
    ]
    return [
        escape(paper.citation),
        escape(paper.finding),
        f"**{paper.status}**",
        "; ".join(part for part in here if part),
        escape(paper.missing),
    ]
