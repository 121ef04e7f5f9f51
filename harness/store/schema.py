"""Tables of the SQLite ledger, and recovery of a damaged one.

Weight files repeat recipe and record in their headers: a ledger that cannot be read is renamed, never deleted, and a
new one is filled from the headers.
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
ADDED: Final = {  # columns that earlier ledgers lack; num_layers is NULL where it is unknown
    "source_hash": ("scores", "TEXT NOT NULL DEFAULT ''"),
    "num_layers": ("scores", "INTEGER"),
}
DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)  # other errors do not mean a damaged file


class _DamagedLedgerError(Exception):
    """The file is not an intact ledger."""


def open_ledger(path: Path) -> tuple[sqlite3.Connection, list[str]]:
    """Open the ledger, or recover its runs from the weight files if it is damaged or missing.

    Args:
        path: of the file; the weight files lie beside it in `runs`.

    Returns:
        The connection, and a sentence for each damage.

    Raises:
        sqlite3.DatabaseError: it cannot be opened, though it may be intact.
    """
    folders = sorted(folder for folder in (path.parent / "runs").glob("*") if folder.is_dir())
    try:
        if not folders or (path.is_file() and path.stat().st_size > 0):
            return _connect(path), []
        repairs = [f"{path} is empty or missing; the runs are read back from their weight files."]
    except _DamagedLedgerError as error:
        aside = _rename_damaged(path)
        damage = f"{path} is no ledger or is damaged ({error}); it was renamed to {aside.name}"
        repairs = [f"{damage}, and the runs are read back from their weight files."]
    connection = _connect(path)
    for folder in folders:
        try:
            insert_run(connection, folder.name, unpack(folder))
        except CorruptRunError as reason:
            repairs.append(str(reason))
    return connection, repairs


def insert_run(connection: sqlite3.Connection, run_id: str, run: PackedRun) -> None:
    """Write the row of a run and delete the scores of its earlier weights, in one transaction."""
    texts = to_json(run.origin, run.record, run.provenance)
    row = (run_id, *texts, sha256_of(run.initial), sha256_of(run.final), now())
    with connection:
        for table in ("scores", "layers", "trajectories", "observations"):
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608  names of our own
        if run.trajectory is not None:
            connection.execute("INSERT INTO trajectories VALUES (?, ?)", (run_id, sha256_of(run.trajectory)))
        connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def now() -> str:
    """Return the time in UTC as ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _connect(path: Path) -> sqlite3.Connection:
    # closing a writable connection would replay the log into the file, damaged or not
    mode = "ro" if path.is_file() and path.with_name(f"{path.name}-wal").exists() else "rwc"
    with _detect_damage(), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as reading:
        _require_intact(reading)
    connection = sqlite3.connect(path)
    try:
        with _detect_damage():
            _upgrade(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_intact(reading: sqlite3.Connection) -> None:
    if reading.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise _DamagedLedgerError("its pages are inconsistent")
    if others := sorted(_tables(reading) - TABLES):
        raise _DamagedLedgerError(f"it has a table {others[0]}")
    for table, query in (("runs", RUNS), ("scores", SCORES)):
        there = {row[1] for row in reading.execute(f"PRAGMA table_info({table})")}
        asked = query.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
        if there and (lacking := sorted(set(asked) - there - set(ADDED))):
            raise _DamagedLedgerError(f"its table {table} has no column {lacking[0]}")


def _upgrade(connection: sqlite3.Connection) -> None:
    for column, (table, kind) in ADDED.items():
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if there and column not in there:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(SCHEMA)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def _detect_damage() -> Iterator[None]:
    """Turn SQLite errors that mean a damaged file into `_DamagedLedgerError`."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE:
            raise _DamagedLedgerError(str(error)) from error
        raise


def _rename_damaged(path: Path) -> Path:
    aside = path.with_name(f"ledger.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite")
    path.rename(aside)
    for extra in ("-wal", "-shm"):  # left by a killed program; they belong to the damaged ledger
        beside = path.with_name(path.name + extra)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + extra))
    return aside
