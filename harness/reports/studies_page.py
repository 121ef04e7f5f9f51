"""Write docs/studies.md: for each study what was trained, the published and the measured effects, and a figure.

python -m harness.reports.studies_page runs       # the results of the studies in runs/STUDY, and the page
python -m harness.reports.studies_page            # the page alone, from the results in docs/studies
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.reports.studies.markdown import markdown
from harness.reports.studies.record import StudyRecordError, keep_study, kept_study, read_study
from harness.store.atomic_write import write_text
from leaderboard.claims import claims_of
from zoo.suites.registry import Suite, suites


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page, and the results and figures of the studies that are found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="*", help="folders that hold a directory for each study")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/studies.md"))
    parser.add_argument("--names", action="store_true", help="only print the names of the studies")
    chosen = parser.parse_args(arguments)
    with_claims = studies()
    if chosen.names:
        print(" ".join(suite.name for suite in with_claims))  # noqa: T201  for the Makefile
        return
    results = chosen.output.with_suffix("")
    results.mkdir(parents=True, exist_ok=True)
    for folder in chosen.runs:
        if not keep_studies(folder, results):
            parser.exit(2, f"{folder} holds no directory of a study that was run, such as {folder / 'jiang'}.\n")
    try:
        write_text(chosen.output, page(results))
    except StudyRecordError as error:
        parser.exit(2, f"{error}\n")


def studies() -> list[Suite]:
    """List the project's suites with claims."""
    return [suite for suite in suites().values() if claims_of(suite.name)]


def keep_studies(runs: Path, results: Path) -> int:
    """Keep the results of the studies that have a directory in a folder; return how many."""
    kept = 0
    for suite in studies():
        try:
            found = read_study(suite, runs / suite.name)
        except StudyRecordError as error:
            print(error, file=sys.stderr)  # noqa: T201  the others go on
            continue
        if found is not None:
            keep_study(found, results)
            kept += 1
    return kept


def page(results: Path) -> str:
    """Write the page from the results in a folder.

    Raises:
        StudyRecordError: a file there does not hold the results of a study.
    """
    kept = [(suite.name, kept_study(suite, results)) for suite in studies()]
    return markdown([one for _, one in kept if one], [name for name, one in kept if one is None], results.name)


if __name__ == "__main__":
    main()
