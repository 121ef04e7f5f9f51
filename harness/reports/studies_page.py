"""Write docs/studies.md and .html: for each study what was claimed, how it is staged, what came out, and a figure.

python -m harness.reports.studies_page runs --html    # keep the results of the zoos in runs, and write both pages
python -m harness.reports.studies_page --html         # write both from the results that docs/studies has
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.reports.studies.markdown import markdown
from harness.reports.studies.record import StudyRecordError, find_studies, keep_study, kept_studies, read_study
from harness.reports.studies.web_page import web_page
from harness.store.atomic_write import write_text
from leaderboard.claims import claims_of
from zoo.suites.registry import suites


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page, and the results and figures of the studies that are found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="*", help="zoos of studies, or folders of them")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("docs/studies.md"), help="the page, docs/studies.md if not given"
    )
    parser.add_argument("--html", action="store_true", help="write the page as HTML, too, beside the other")
    parser.add_argument("--names", action="store_true", help="only print the names of the studies")
    chosen = parser.parse_args(arguments)
    if chosen.names:
        print(" ".join(studies()))  # noqa: T201  for the Makefile
        return
    results = chosen.output.with_suffix("")
    results.mkdir(parents=True, exist_ok=True)
    for folder in chosen.runs:
        if not keep_studies(folder, results):
            parser.exit(2, f"{folder} holds no zoo of a study as it is staged now; `gapbench run STUDY` trains one.\n")
    try:
        write_text(chosen.output, page(results))
        if chosen.html:
            write_text(chosen.output.with_suffix(".html"), page(results, html=True))
    except StudyRecordError as error:
        parser.exit(2, f"{error}\n")


def studies() -> list[str]:
    """List the names of the suites with claims."""
    return [name for name in suites() if claims_of(name)]


def keep_studies(runs: Path, results: Path) -> int:
    """Keep the results of the studies in a folder; return how many."""
    kept = 0
    for zoo in find_studies(runs):
        try:
            found = read_study(zoo)
        except StudyRecordError as error:
            print(error, file=sys.stderr)  # noqa: T201  the others go on
            continue
        if found is not None:
            keep_study(found, results)
            kept += 1
    return kept


def page(results: Path, *, html: bool = False) -> str:
    """Write the page from the results in a folder, as Markdown or HTML.

    Raises:
        StudyRecordError: a file there does not hold the results of a study.
    """
    kept = kept_studies(results)
    missing = [name for name in studies() if name not in {run.suite.name for run in kept}]
    return web_page(kept, missing) if html else markdown(kept, missing, results.name)


if __name__ == "__main__":
    main()
