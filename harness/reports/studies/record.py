"""Results of a study: read from its zoo, kept beside the page, and read again without the zoo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.reports.ranking import CLAIMS
from harness.store.atomic_write import write_text
from harness.store.snapshot import NoZooError
from harness.store.store import open_store
from harness.store.to_ledger import evidence_of
from leaderboard.claims import JudgedClaim, claims_of, judge
from leaderboard.claims.figure import draw_svg
from leaderboard.claims.registry import figure_of
from zoo.suites.registry import Suite


class StudyRecordError(Exception):
    """A file that should hold the results of a study does not."""


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


@dataclass(frozen=True, slots=True)
class _Record:
    networks: int
    versions: dict[str, str]
    claims: list[JudgedClaim]


def read_study(suite: Suite, zoo: Path) -> StudyRun | None:
    """Judge the claims of a study on the networks of its directory and draw its figure; None if it was not run."""
    if not (zoo / CLAIMS).is_file():
        return None
    try:
        store = open_store(zoo)
    except NoZooError:
        return None
    with store:
        evidence, runs = evidence_of(store), store.runs()
    versions: Mapping[str, str] = next((run.provenance["versions"] for run in runs.values()), {})
    figure = figure_of(suite.name)
    drawn = "" if figure is None else draw_svg(figure, evidence)
    return StudyRun(suite, len(runs), versions, judge(claims_of(suite.name), evidence), drawn)


def keep_study(run: StudyRun, folder: Path) -> None:
    """Write the results of a study to <study>.json and its figure to <study>.svg."""
    record = _Record(run.networks, dict(run.versions), list(run.claims))
    text = msgspec.json.format(msgspec.json.encode(record), indent=1).decode()
    write_text(folder / f"{run.suite.name}.json", f"{text}\n")
    if run.figure:
        write_text(folder / f"{run.suite.name}.svg", run.figure)
    else:
        (folder / f"{run.suite.name}.svg").unlink(missing_ok=True)


def kept_study(suite: Suite, folder: Path) -> StudyRun | None:
    """Read the results of a study that `keep_study` wrote; None if there are none.

    Raises:
        StudyRecordError: the file holds something else.
    """
    path, drawn = folder / f"{suite.name}.json", folder / f"{suite.name}.svg"
    if not path.is_file():
        return None
    try:
        record = msgspec.json.decode(path.read_bytes(), type=_Record)
    except msgspec.DecodeError as error:
        raise StudyRecordError(
            f"{path} does not hold the results of a study: {error}. Write it again from its zoo."
        ) from error
    figure = drawn.read_text(encoding="utf-8") if drawn.is_file() else ""
    return StudyRun(suite, record.networks, record.versions, record.claims, figure)
