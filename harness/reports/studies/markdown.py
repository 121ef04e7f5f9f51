"""Write the page of all studies and source papers as Markdown."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from harness.reports.studies.papers import VERDICTS, write_papers
from harness.reports.studies.record import StudyRun
from leaderboard.claims import JudgedClaim
from leaderboard.claims.table import describe_estimate
from leaderboard.views.markdown_table import left, write_table

HEAD: Final = """# Studies

Each study is a suite of networks and the published findings that it tests. A finding is a claim about an effect, which
is estimated from the ledger with a 95 % interval (a bootstrap over seeds, settings or images), and a range in which the
finding holds, set from the words of the paper before any result was seen. It is *reproduced* if the whole interval lies
in the range, *not reproduced* if none of it does, and *undecided* otherwise. With few seeds the bootstrap gives
intervals that are too narrow. Where nothing else is said the results are those of the small size of a study, which runs
on two cores and mostly on 8 x 8 digits, where the papers have larger images and networks: a finding that is not
reproduced here may well be true there.

The [table of source papers](#source-papers) says of each paper what of it is staged and what is missing.

`make studies` trains the studies that are missing and writes this page and `docs/studies.html`, which holds the
figures, with `python -m harness.reports.studies_page runs --html`. Results are kept in `docs/studies`; without `runs`,
the command writes the pages from them.

"""
STUDIES: Final = left("study", "networks", "reproduced", "not reproduced", "undecided")
EARLIER: Final = "The recipes or the claims were changed since; the study has not been run again yet."
CLAIM: Final = left("finding", "published", "here", "holds if", "verdict")


def markdown(studies: Sequence[StudyRun], missing: Sequence[str], figures: str) -> str:
    """Write the page as Markdown.

    Args:
        studies: the studies and sizes that were run; those of one study follow each other.
        missing: names of the studies that were not.
        figures: the folder of the figures, relative to the page.
    """
    parts = [HEAD, write_table(STUDIES, map(_summary, studies))]
    if missing:
        parts.append(f"\nNot run: {', '.join(missing)}.\n")
    for _, sizes in groupby(studies, key=lambda run: run.suite.name):
        parts += _section(list(sizes), figures)
    return "".join([*parts, write_papers(studies)])


def describe_run(one: StudyRun) -> str:
    """Describe the networks of a study: how many, of which images, in which time, by which libraries."""
    size = one.suite.sizes[one.size]
    versions = ", ".join(f"{name} {one.versions[name]}" for name in ("torch", "timm") if name in one.versions)
    if not one.is_current:
        return f"{one.networks} networks of an earlier staging. {versions}."
    planned = len(one.suite.recipes(one.size))
    trained = str(one.networks) if one.networks == planned else f"{one.networks} of {planned}"
    return f"{trained} networks; {size.data}; two cores: {size.cores}. {versions}."


def describe_missing(sizes: Sequence[StudyRun]) -> str:
    """Name the sizes of a study that were not run, with their data; empty if all were."""
    run = {one.size for one in sizes}
    missing = [f"{name} size ({size.data})" for name, size in sizes[0].suite.sizes.items() if name not in run]
    return f"Not run: {', '.join(missing)}." if missing else ""


def _section(sizes: Sequence[StudyRun], figures: str) -> list[str]:
    suite, missing = sizes[0].suite, describe_missing(sizes)
    parts = [part for run in sizes for part in _size(run, figures)]
    return [f"\n## {suite.name}\n\n{suite.words}\n", *parts, f"\n{missing}\n" if missing else ""]


def _size(one: StudyRun, figures: str) -> list[str]:
    return [
        f"\n{one.size.capitalize()} size: {describe_run(one)}\n\n",
        *([] if one.is_current else [f"**{EARLIER}**\n\n"]),
        *([f"![{one.name}]({figures}/{one.name}.svg)\n\n"] if one.figure else []),
        write_table(CLAIM, map(_row, one.claims)),
    ]


def _summary(one: StudyRun) -> list[str]:
    counts = Counter(claim.verdict for claim in one.claims)
    notes = [
        note
        for note, said in (("earlier staging", not one.is_current), (f"{one.size} size", one.size != "small"))
        if said
    ]
    name = f"[{one.suite.name}](#{one.suite.name})" + (f" ({', '.join(notes)})" if notes else "")
    return [name, str(one.networks), *(str(counts[verdict]) for verdict in VERDICTS)]


def _row(claim: JudgedClaim) -> list[str]:
    cells = (
        claim.statement,
        f"{claim.published} ({claim.source})",
        describe_estimate(claim),
        claim.holds,
        f"**{claim.verdict}**",
    )
    return [cell.replace("|", "\\|") for cell in cells]
