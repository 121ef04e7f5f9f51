"""Results of a study: read from its zoo, kept beside the page, and read again without the zoo."""

import hashlib
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
    """A file or a directory that should hold a study, as it is staged now, does not."""


@dataclass(frozen=True, slots=True)
class StudyRun:
    """A study that was run.

    Attributes:
        suite: the suite of the study.
        networks: number of trained networks.
        versions: versions of the libraries that trained them.
        staging: hash of the recipes of the small size when it was run, see `staging_of`; empty if it is not known.
        claims: the claims with their verdicts.
        figure: SVG, empty if there is none.
    """

    suite: Suite
    networks: int
    versions: Mapping[str, str]
    staging: str
    claims: Sequence[JudgedClaim]
    figure: str

    @property
    def is_current(self) -> bool:
        """Whether neither the recipes nor the claims have changed since."""
        claims = [(claim.name, claim.statement, claim.holds) for claim in self.claims]
        today = [(claim.name, claim.statement, str(claim.holds)) for claim in claims_of(self.suite.name)]
        return claims == today and self.staging == staging_of(self.suite)


@dataclass(frozen=True, slots=True)
class _Record:
    networks: int
    versions: dict[str, str]
    staging: str
    claims: list[JudgedClaim]


def staging_of(suite: Suite) -> str:
    """Hash the run ids of the small size."""
    return hashlib.sha256("\n".join(sorted(_run_ids(suite))).encode()).hexdigest()[:16]


def read_study(suite: Suite, zoo: Path) -> StudyRun | None:
    """Judge the claims of a study on the networks of its directory and draw its figure; None if it was not run.

    Raises:
        StudyRecordError: some of the networks are of other recipes, such as those of an earlier staging: claims that
            were written for this one would be judged on them.
    """
    if not (zoo / CLAIMS).is_file():
        return None
    try:
        store = open_store(zoo)
    except NoZooError:
        return None
    with store:
        evidence, runs = evidence_of(store), store.runs()
    if others := set(runs) - _run_ids(suite):
        raise StudyRecordError(
            f"{zoo} holds {len(others)} networks of other recipes than {suite.name} has now; run the study in an empty "
            "directory."
        )
    versions: Mapping[str, str] = next((run.provenance["versions"] for run in runs.values()), {})
    figure = figure_of(suite.name)
    drawn = "" if figure is None else draw_svg(figure, evidence)
    return StudyRun(suite, len(runs), versions, staging_of(suite), judge(claims_of(suite.name), evidence), drawn)


def keep_study(run: StudyRun, folder: Path) -> None:
    """Write the results of a study to <study>.json and its figure to <study>.svg."""
    record = _Record(run.networks, dict(run.versions), run.staging, list(run.claims))
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
    return StudyRun(suite, record.networks, record.versions, record.staging, record.claims, figure)


def _run_ids(suite: Suite) -> set[str]:
    return {recipe.run_id for recipe in suite.recipes()}
