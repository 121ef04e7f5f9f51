"""The ledger's file: its tables, how it is opened, and how the runs come back where it is damaged.

The weight files repeat recipe and record in their header: a ledger that cannot be read is put aside, never deleted, and
a new one is filled from them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from harness.store.weights import CorruptRunError, PackedRun, sha256_of, to_json, unpack

SCHEMA: Final = """
BEGIN;
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, recipe TEXT NOT NULL, record TEXT NOT NULL, provenance TEXT NOT NULL,
    initial_sha256 TEXT NOT NULL, final_sha256 TEXT NOT NULL, created TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS scores (
    run_id TEXT NOT NULL, measure TEXT NOT NULL, version INTEGER NOT NULL, outcome TEXT NOT NULL, value REAL,
    seconds REAL NOT NULL, why TEXT NOT NULL, passes TEXT NOT NULL, created TEXT NOT NULL,
    source_hash TEXT NOT NULL DEFAULT '', num_layers INTEGER, PRIMARY KEY (run_id, measure, version)
);
CREATE TABLE IF NOT EXISTS measures (measure TEXT PRIMARY KEY, metadata TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trajectories (run_id TEXT PRIMARY KEY, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS layers (
    run_id TEXT NOT NULL, measure TEXT NOT NULL, version INTEGER NOT NULL, layer TEXT NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (run_id, measure, version, layer)
);
CREATE TABLE IF NOT EXISTS observations (
    run_id TEXT NOT NULL, observation TEXT NOT NULL, observed TEXT NOT NULL, PRIMARY KEY (run_id, observation)
);
COMMIT;
"""
TABLES: Final = {"runs", "scores", "measures", "trajectories", "layers", "observations"}
RUNS: Final = "SELECT run_id, recipe, record, provenance, created, initial_sha256, final_sha256 FROM runs"
WITHOUT_LAYERS: Final = (
    "SELECT run_id, measure, version, source_hash FROM scores WHERE outcome = 'scored' AND COALESCE(num_layers, 1) > 0 "
    "AND (run_id, measure, version) NOT IN (SELECT run_id, measure, version FROM layers)"
)
SCORES: Final = (
    "SELECT run_id, measure, value, outcome, seconds, version, why, passes, created, source_hash FROM scores"
)
ADDED: Final = {  # columns that earlier ledgers lack; NULL in num_layers: nobody knows
    "source_hash": ("scores", "TEXT NOT NULL DEFAULT ''"),
    "num_layers": ("scores", "INTEGER"),
}
DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)  # other errors say nothing against the file


class _DamagedLedgerError(Exception):
    """The ledger's file is not a whole ledger."""


def open_ledger(path: Path) -> tuple[sqlite3.Connection, list[str]]:
    """The ledger, and what was found damaged; if it is damaged or gone, a new one with the runs of the weight files.

    Args:
        path: of the file, beside which the weight files lie in `runs`.

    Raises:
        sqlite3.DatabaseError: it cannot be opened, though it may be whole.
    """
    folders = sorted(folder for folder in (path.parent / "runs").glob("*") if folder.is_dir())
    try:
        if not folders or (path.is_file() and path.stat().st_size > 0):
            return _connected(path), []
        repairs = [f"{path} is empty or gone; the runs are read back from their weight files."]
    except _DamagedLedgerError as error:
        aside = _put_aside(path)
        told = f"{path} is no ledger or is damaged ({error}); it was put aside as {aside.name}, and the runs are "
        repairs = [f"{told}read back from their weight files."]
    connection = _connected(path)
    for folder in folders:
        try:
            insert_run(connection, folder.name, unpack(folder))
        except CorruptRunError as reason:
            repairs.append(str(reason))
    return connection, repairs


def insert_run(connection: sqlite3.Connection, run_id: str, run: PackedRun) -> None:
    """Write a row, the scores of an earlier one away, in one transaction."""
    texts = to_json(run.recipe, run.record, run.provenance)
    row = (run_id, *texts, sha256_of(run.initial), sha256_of(run.final), now())
    with connection:
        for table in ("scores", "layers", "trajectories", "observations"):
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608  names of our own
        if run.trajectory is not None:
            connection.execute("INSERT INTO trajectories VALUES (?, ?)", (run_id, sha256_of(run.trajectory)))
        connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def now() -> str:
    """The time in UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _connected(path: Path) -> sqlite3.Connection:
    # to close what is open for writing plays its log into it, damaged or not
    mode = "ro" if path.is_file() and path.with_name(f"{path.name}-wal").exists() else "rwc"
    with _damage_told(), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as looking:
        _require_whole(looking)
    connection = sqlite3.connect(path)
    try:
        with _damage_told():
            _brought_up_to_date(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_whole(looking: sqlite3.Connection) -> None:
    if looking.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise _DamagedLedgerError("its pages are inconsistent")
    if others := sorted(_tables(looking) - TABLES):
        raise _DamagedLedgerError(f"it has a table {others[0]}")
    for table, query in (("runs", RUNS), ("scores", SCORES)):
        there = {row[1] for row in looking.execute(f"PRAGMA table_info({table})")}
        asked = query.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
        if there and (lacking := sorted(set(asked) - there - set(ADDED))):
            raise _DamagedLedgerError(f"its table {table} has no column {lacking[0]}")


def _brought_up_to_date(connection: sqlite3.Connection) -> None:
    for column, (table, kind) in ADDED.items():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if there and column not in there:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(SCHEMA)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def _damage_told() -> Iterator[None]:
    """Tell what speaks against the file from what does not."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE:
            raise _DamagedLedgerError(str(error)) from error
        raise


def _put_aside(path: Path) -> Path:
    aside = path.with_name(f"ledger.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite")
    path.rename(aside)
    for extra in ("-wal", "-shm"):  # what a killed program left: part of the ledger, not of its successor
        beside = path.with_name(path.name + extra)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + extra))
    return aside
