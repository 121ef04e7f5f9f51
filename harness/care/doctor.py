"""Examine a zoo on disk, and repair what the next run can compute again.

A repair deletes nothing: the ledger is copied first, and files are moved to `damaged`.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, get_args

from harness.errors import HarnessError
from harness.store.schema import insert_run
from harness.store.snapshot import LEDGER
from harness.store.store import Store
from harness.store.weights import CorruptRunError, unpack
from measures.api import Outcome
from measures.registry import catalog

ASIDE: Final = "damaged"  # in the zoo's directory
OF_RUNS: Final = ("scores", "layers", "trajectories", "observations")


class NothingToExamineError(HarnessError):
    """A directory holds neither a ledger nor runs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Damage in a zoo.

    Attributes:
        what: a sentence that names what is damaged.
        remedy: a sentence on what a repair does; empty where nothing can be repaired.
        repair: does it; None where nothing can be repaired.
    """

    what: str
    remedy: str
    repair: Callable[[], None] | None


def require_contents(folder: Path) -> None:
    """Refuse a directory without ledger and runs.

    Raises:
        NothingToExamineError: it has neither.
    """
    if not (folder / LEDGER).is_file() and not (folder / "runs").is_dir():
        raise NothingToExamineError(f"{folder} must be a zoo's directory; it holds neither {LEDGER} nor runs.")


def back_up_ledger(folder: Path) -> Path:
    """Copy the ledger before a repair; returns the copy."""
    copy = folder / f"ledger.before-repair-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite"
    with closing(sqlite3.connect(folder / LEDGER)) as ledger, closing(sqlite3.connect(copy)) as target:
        ledger.backup(target)
    return copy


def examine(store: Store, connection: sqlite3.Connection) -> list[Finding]:
    """Examine a zoo: rows against files, files against rows, scores, and files that were never finished.

    Args:
        store: of the zoo.
        connection: to its ledger, on which repairs work.
    """
    stored = {run_id for (run_id,) in connection.execute("SELECT run_id FROM runs")}
    findings = [*_damaged_runs(store, connection, stored), *_damaged_scores(store, connection)]
    return [*findings, *_orphans(store.folder, connection, stored), *_half_written(store.folder)]


def _damaged_runs(store: Store, connection: sqlite3.Connection, stored: set[str]) -> Iterator[Finding]:
    readable = store.runs()
    for run_id in sorted(stored):
        try:
            if run_id not in readable:
                raise CorruptRunError(f"The row of run {run_id} is damaged or from another version.")  # noqa: TRY301
            store.weight_files(run_id)
            store.trajectory_file(run_id)
        except CorruptRunError as error:
            yield Finding(
                str(error),
                f"Run {run_id} leaves the ledger, its files go to {ASIDE}; the next run trains and scores it.",
                partial(_drop_run, store.folder, connection, run_id),
            )


def _damaged_scores(store: Store, connection: sqlite3.Connection) -> Iterator[Finding]:
    known, described = catalog(), set(store.metadata())
    rows = connection.execute("SELECT run_id, measure, version, outcome, value FROM scores").fetchall()
    foreign: dict[tuple[str, object], int] = {}
    for run_id, name, version, outcome, value in rows:
        if outcome not in get_args(Outcome) or (outcome == "scored") != isinstance(value, float):
            yield Finding(
                f"The score {name} of run {run_id} is damaged (outcome {outcome}, value {value}).",
                "It leaves the ledger; the next run computes it again.",
                partial(_drop_score, connection, (run_id, name, version)),
            )
        elif (name in known and version > known[name].version) or (name not in known and name not in described):
            foreign[name, version] = foreign.get((name, version), 0) + 1
    for (name, version), number in sorted(foreign.items(), key=str):
        yield Finding(f"{number} scores are of {name}, version {version}, which this gapbench does not know.", "", None)


def _orphans(folder: Path, connection: sqlite3.Connection, stored: set[str]) -> Iterator[Finding]:
    for run in sorted(path for path in (folder / "runs").glob("*") if path.is_dir() and path.name not in stored):
        try:
            packed = unpack(run)
        except CorruptRunError as error:
            yield Finding(
                f"No row belongs to {run}, and its weights are not whole ({error})",
                f"It goes to {ASIDE}; the next run trains it.",
                partial(_move_aside, folder, run),
            )
        else:
            yield Finding(
                f"No row belongs to {run}; its weights are whole.",
                "It enters the ledger; the next run scores it.",
                partial(insert_run, connection, run.name, packed),
            )
    for table in OF_RUNS:
        query = f"FROM {table} WHERE run_id NOT IN (SELECT run_id FROM runs)"  # noqa: S608  names above
        number = connection.execute(f"SELECT COUNT(*) {query}").fetchone()[0]
        if number:
            yield Finding(
                f"{number} rows of the table {table} belong to no run.",
                "They leave the ledger.",
                partial(_write, connection, f"DELETE {query}"),
            )


def _half_written(folder: Path) -> Iterator[Finding]:
    """Find temporary files of `atomic_write`, named .NAME.PID."""
    for path in sorted([*folder.glob(".*"), *(folder / "runs").glob("*/.*")]):
        if path.is_file() and path.suffix[1:].isdecimal():
            yield Finding(
                f"{path} was not finished: the program ended while it wrote.",
                f"It goes to {ASIDE}.",
                partial(_move_aside, folder, path),
            )


def _drop_run(folder: Path, connection: sqlite3.Connection, run_id: str) -> None:
    with connection:
        for table in ("runs", *OF_RUNS):
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608  names above
    if (run := folder / "runs" / run_id).is_dir():
        _move_aside(folder, run)


def _drop_score(connection: sqlite3.Connection, cell: tuple[str, str, int]) -> None:
    with connection:
        for table in ("scores", "layers"):
            connection.execute(f"DELETE FROM {table} WHERE (run_id, measure, version) = (?, ?, ?)", cell)  # noqa: S608


def _write(connection: sqlite3.Connection, statement: str) -> None:
    with connection:
        connection.execute(statement)


def _move_aside(folder: Path, path: Path) -> None:
    if not path.exists():
        return  # it lay in the folder of a run that was moved
    at = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    aside = folder / ASIDE / f"{path.name.removeprefix('.')}-{at}"
    aside.parent.mkdir(exist_ok=True)
    path.rename(aside)
