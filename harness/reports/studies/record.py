"""Results of a study: read from its zoo, kept beside the page, and read again without the zoo."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
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
from zoo.suites.registry import Suite, suites
from zoo.suites.study import SizeName


class StudyRecordError(Exception):
    """A file or a directory that should hold a study, as it is staged now, does not."""


@dataclass(frozen=True, slots=True)
class StudyRun:
    """A size of a study that was run.

    Attributes:
        suite: the suite of the study.
        size: the size that was run.
        networks: number of trained networks.
        versions: versions of the libraries that trained them.
        staging: hash of the recipes of the size when it was run, see `staging_of`; empty if it is not known.
        claims: the claims with their verdicts.
        figure: SVG, empty if there is none.
    """

    suite: Suite
    size: SizeName
    networks: int
    versions: Mapping[str, str]
    staging: str
    claims: Sequence[JudgedClaim]
    figure: str

    @property
    def name(self) -> str:
        """The name of the study, with its size unless it is the small one."""
        return self.suite.name if self.size == "small" else f"{self.suite.name}.{self.size}"

    @property
    def is_current(self) -> bool:
        """Whether neither the recipes nor the claims have changed since."""
        claims = [(claim.name, claim.statement, claim.holds) for claim in self.claims]
        today = [(claim.name, claim.statement, str(claim.holds)) for claim in claims_of(self.suite.name)]
        return claims == today and self.staging == staging_of(self.suite, self.size)


@dataclass(frozen=True, slots=True)
class _Record:
    study: str
    size: SizeName
    networks: int
    versions: dict[str, str]
    staging: str
    claims: list[JudgedClaim]


def staging_of(suite: Suite, size: SizeName) -> str:
    """Hash the run ids of a size."""
    return hashlib.sha256("\n".join(sorted(_run_ids(suite.name, size))).encode()).hexdigest()[:16]


def find_studies(folder: Path) -> Iterator[Path]:
    """Find the zoos with claims: the folder itself, or those in it."""
    yield from [folder] if (folder / CLAIMS).is_file() else sorted(path.parent for path in folder.glob(f"*/{CLAIMS}"))


def read_study(zoo: Path) -> StudyRun | None:
    """Judge the claims of a study on the networks of its directory and draw its figure.

    Returns:
        None if there is no zoo of a study of the project, or if its networks have not been judged before.

    Raises:
        StudyRecordError: the networks are not all of one size of the study; they may be those of an earlier staging,
            and claims that were written for this one would be judged on them.
    """
    suite = _judged_suite(zoo / CLAIMS)
    if suite is None:
        return None
    try:
        store = open_store(zoo)
    except NoZooError:
        return None
    with store:
        runs = store.runs()
        evidence = evidence_of(store)
    size = next((size for size in suite.sizes if set(runs) <= _run_ids(suite.name, size)), None)
    if size is None:
        others = len(set(runs) - _run_ids(suite.name, "small"))
        raise StudyRecordError(
            f"{zoo} holds {others} networks of other recipes than {suite.name} has now; run the study in an empty "
            "directory."
        )
    versions: Mapping[str, str] = next((run.provenance["versions"] for run in runs.values()), {})
    figure = figure_of(suite.name)
    drawn = "" if figure is None else draw_svg(figure, evidence)
    claims = judge(claims_of(suite.name), evidence)
    return StudyRun(suite, size, len(runs), versions, staging_of(suite, size), claims, drawn)


def keep_study(run: StudyRun, folder: Path) -> None:
    """Write results to <name>.json and the figure to <name>.svg."""
    record = _Record(run.suite.name, run.size, run.networks, dict(run.versions), run.staging, list(run.claims))
    text = msgspec.json.format(msgspec.json.encode(record), indent=1).decode()
    write_text(folder / f"{run.name}.json", f"{text}\n")
    if run.figure:
        write_text(folder / f"{run.name}.svg", run.figure)
    else:
        (folder / f"{run.name}.svg").unlink(missing_ok=True)


def kept_studies(folder: Path) -> list[StudyRun]:
    """Read the results that `keep_study` wrote, ordered by study and size.

    Raises:
        StudyRecordError: a file holds something else.
    """
    order = list(suites())
    found = [run for path in sorted(folder.glob("*.json")) if (run := _kept(path)).suite.name in order]
    return sorted(found, key=lambda run: (order.index(run.suite.name), list(run.suite.sizes).index(run.size)))


def _kept(path: Path) -> StudyRun:
    drawn = path.with_suffix(".svg")
    try:
        record = msgspec.json.decode(path.read_bytes(), type=_Record)
        suite = suites()[record.study]
    except (msgspec.DecodeError, KeyError) as error:
        raise StudyRecordError(
            f"{path} does not hold the results of a study: {error}. Write it again, or remove it."
        ) from error
    figure = drawn.read_text(encoding="utf-8") if drawn.is_file() else ""
    return StudyRun(suite, record.size, record.networks, record.versions, record.staging, record.claims, figure)


def _judged_suite(claims: Path) -> Suite | None:
    """Return the suite of a zoo's judged claims; None if there are none, or if they are of no study of the project."""
    if not claims.is_file():
        return None
    try:
        judged = msgspec.json.decode(claims.read_bytes(), type=list[JudgedClaim])
    except msgspec.DecodeError as error:
        raise StudyRecordError(f"{claims} does not hold claims: {error}. Run the study again.") from error
    return suites().get(judged[0].study) if judged and claims_of(judged[0].study) else None


@cache
def _run_ids(name: str, size: SizeName) -> frozenset[str]:
    return frozenset(recipe.run_id for recipe in suites()[name].recipes(size))
