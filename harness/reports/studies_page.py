"""Write docs/studies.md: for each study what was trained, the published and the measured effects, and a figure.

python -m harness.reports.studies_page runs -o docs/studies.md
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.reports.ranking import CLAIMS
from harness.store.atomic_write import write_text
from harness.store.snapshot import NoZooError
from harness.store.store import open_store
from harness.store.to_ledger import evidence_of
from leaderboard.claims import JudgedClaim, claims_of, judge
from leaderboard.claims.figure import draw_svg
from leaderboard.claims.registry import figure_of
from leaderboard.claims.table import describe_estimate
from leaderboard.views.markdown_table import left, write_table
from zoo.suites.registry import Suite, suites

HEAD: Final = """# Studies

Each study is a suite of networks and the published findings that it tests. A finding is a claim about an effect, which
is estimated from the ledger with a 95 % interval (a bootstrap over seeds, settings or images), and a range in which the
finding holds, set from the words of the paper before any result was seen. It is *reproduced* if the whole interval lies
in the range, *not reproduced* if none of it does, and *undecided* otherwise. With few seeds the bootstrap gives
intervals that are too narrow. The results below are those of the small size of each study, which runs on two cores and
mostly on 8 x 8 digits, where the papers have larger images and networks: a finding that is not reproduced here may well
be true there.

`make studies` trains the studies that are missing and writes this page with `python -m harness.reports.studies_page`.

"""
STUDIES: Final = left("study", "networks", "reproduced", "not reproduced", "undecided")
CLAIM: Final = left("finding", "published", "here", "holds if", "verdict")


@dataclass(frozen=True, slots=True)
class StudyRun:
    """A study that was run.

    Attributes:
        suite: the suite of the study.
        networks: number of trained networks.
        versions: versions of the libraries that trained them.
        claims: the claims with their verdicts.
        figure: SVG, empty if there is none.
    """

    suite: Suite
    networks: int
    versions: Mapping[str, str]
    claims: Sequence[JudgedClaim]
    figure: str


def read_study(suite: Suite, folder: Path) -> StudyRun | None:
    """Judge the claims of a study on the networks of its directory and draw its figure; None if it was not run."""
    if not (folder / CLAIMS).is_file():
        return None
    try:
        store = open_store(folder)
    except NoZooError:
        return None
    with store:
        evidence, runs = evidence_of(store), store.runs()
    versions: Mapping[str, str] = next((run.provenance["versions"] for run in runs.values()), {})
    figure = figure_of(suite.name)
    drawn = "" if figure is None else draw_svg(figure, evidence)
    return StudyRun(suite, len(runs), versions, judge(claims_of(suite.name), evidence), drawn)


def markdown(studies: Sequence[StudyRun], missing: Sequence[str], figures: str) -> str:
    """Write the page as Markdown.

    Args:
        studies: the studies that were run.
        missing: names of the studies that were not.
        figures: the folder of the figures, relative to the page.
    """
    parts = [HEAD, write_table(STUDIES, map(_summary, studies))]
    if missing:
        parts.append(f"\nNot run: {', '.join(missing)}.\n")
    for one in studies:
        parts += _section(one, figures)
    return "".join(parts)


def _section(one: StudyRun, figures: str) -> list[str]:
    size = one.suite.sizes["small"]
    versions = ", ".join(f"{name} {one.versions[name]}" for name in ("torch", "timm") if name in one.versions)
    return [
        f"\n## {one.suite.name}\n\n{one.suite.words}\n\n",
        f"Small size: {one.networks} networks; {size.data}; two cores: {size.cores}. {versions}.\n\n",
        *([f"![{one.suite.name}]({figures}/{one.suite.name}.svg)\n\n"] if one.figure else []),
        write_table(CLAIM, map(_row, one.claims)),
    ]


def _summary(one: StudyRun) -> list[str]:
    counts = Counter(claim.verdict for claim in one.claims)
    verdicts = [str(counts[verdict]) for verdict in ("reproduced", "not reproduced", "undecided")]
    return [f"[{one.suite.name}](#{one.suite.name})", str(one.networks), *verdicts]


def _row(claim: JudgedClaim) -> list[str]:
    cells = (
        claim.statement,
        f"{claim.published} ({claim.source})",
        describe_estimate(claim),
        claim.holds,
        f"**{claim.verdict}**",
    )
    return [cell.replace("|", "\\|") for cell in cells]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page and its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, help="the folder that holds a directory for each study")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/studies.md"))
    parser.add_argument("--names", action="store_true", help="only print the names of the studies")
    chosen = parser.parse_args(arguments)
    with_claims = [suite for suite in suites().values() if claims_of(suite.name)]
    if chosen.names:
        print(" ".join(suite.name for suite in with_claims))  # noqa: T201  for the Makefile
        return
    found = [one for suite in with_claims if (one := read_study(suite, chosen.runs / suite.name)) is not None]
    missing = [suite.name for suite in with_claims if suite.name not in {one.suite.name for one in found}]
    figures = chosen.output.with_suffix("")
    figures.mkdir(parents=True, exist_ok=True)
    for one in found:
        if one.figure:
            write_text(figures / f"{one.suite.name}.svg", one.figure)
    write_text(chosen.output, markdown(found, missing, figures.name))


if __name__ == "__main__":
    main()
