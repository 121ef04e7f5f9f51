"""Runs and scores on disk: one directory a zoo, a SQLite ledger and safetensors weights.

A row in the ledger is the "done" flag. Weights are written to a temporary name and renamed before their row is, so that
killing the program at any moment loses the work in flight and nothing else. The weight files repeat recipe and record
in their header: where the ledger itself is damaged, the runs are read back from them.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import safetensors
import safetensors.torch
from torch import Tensor

from measures import Score
from zoo.recipe import Recipe
from zoo.training import Record, TrainedRun

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, recipe TEXT NOT NULL, record TEXT NOT NULL, provenance TEXT NOT NULL,
    initial_sha256 TEXT NOT NULL, final_sha256 TEXT NOT NULL, created TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS scores (
    run_id TEXT NOT NULL, measure TEXT NOT NULL, version INTEGER NOT NULL, outcome TEXT NOT NULL, value REAL,
    seconds REAL NOT NULL, why TEXT NOT NULL, passes TEXT NOT NULL, created TEXT NOT NULL,
    PRIMARY KEY (run_id, measure, version)
);
"""


@dataclass(frozen=True, slots=True)
class PackedRun:
    """A trained run as it is written and as it travels between processes: plain values and bytes.

    Attributes:
        recipe: the fields that differ from their defaults.
        record: the training record.
        provenance: versions and machine.
        initial, final: safetensors files of parameters and buffers before and after training.
    """

    recipe: dict[str, Any]
    record: dict[str, Any]
    provenance: dict[str, Any]
    initial: bytes
    final: bytes


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A row of the ledger.

    Attributes:
        run_id: name of the run and of its folder.
        recipe: what was trained.
        record: what it came to.
        provenance: versions and machine.
        created: when the row was written, ISO 8601 in UTC.
    """

    run_id: str
    recipe: Recipe
    record: Record
    provenance: dict[str, Any]
    created: str


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A safetensors file and what it must hash to."""

    path: Path
    sha256: str

    def content(self) -> bytes:
        """Its bytes.

        Raises:
            CorruptRun: the file is missing or is not what was written.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise CorruptRun(f"{self.path} cannot be read ({error.strerror}).") from error
        if _sha256(content) != self.sha256:
            raise CorruptRun(f"{self.path} is not what was written: its SHA-256 differs from the ledger's.")
        return content

    def state(self) -> dict[str, Tensor]:
        """Its tensors by name; raises as `content`."""
        return safetensors.torch.load(self.content())


class CorruptRun(Exception):  # noqa: N818  reads as what it is
    """A run on disk cannot be trusted; the message names the file, and the run is to be trained again."""


def pack(run: TrainedRun, provenance: Mapping[str, Any]) -> PackedRun:
    """A trained run as plain values and bytes."""
    recipe, record = run.recipe.changed(), asdict(run.record)
    header = {"recipe": json.dumps(recipe), "record": json.dumps(record), "provenance": json.dumps(provenance)}
    initial, final = (safetensors.torch.save(_contiguous(s), metadata=header) for s in (run.initial, run.final))
    return PackedRun(recipe, record, dict(provenance), initial, final)


class Store:
    """One zoo on disk.

    Args:
        folder: where it lies; made if it is not there.

    Attributes:
        repairs: what was found damaged on opening and how it was mended, one sentence each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repairs: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger."""
        self._connection.close()

    # -- runs ----------------------------------------------------------------------------------------------------------

    def add_run(self, run: PackedRun) -> str:
        """Write a run: its weights, then its row. Returns the run_id."""
        run_id = Recipe.from_changed(run.recipe).run_id
        folder = self.folder / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("initial", run.initial), ("final", run.final)):
            _write(folder / f"{name}.safetensors", content)
        self._insert(run_id, run.recipe, run.record, run.provenance, _sha256(run.initial), _sha256(run.final))
        return run_id

    def runs(self) -> dict[str, StoredRun]:
        """All runs by run_id. A row that cannot be trusted is dropped and named in `repairs`."""
        found = {}
        rows = self._connection.execute("SELECT run_id, recipe, record, provenance, created FROM runs ORDER BY run_id")
        for run_id, recipe, record, provenance, created in rows.fetchall():
            try:
                stored = Recipe.from_changed(json.loads(recipe))
                if stored.run_id != run_id:
                    raise ValueError(f"the stored recipe hashes to {stored.run_id}")  # noqa: TRY301  one way out
                found[run_id] = StoredRun(run_id, stored, Record(**json.loads(record)), json.loads(provenance), created)
            except (ValueError, TypeError, LookupError) as error:
                self.repairs.append(f"The row of run {run_id} in the ledger is damaged ({error}); it is trained again.")
                self.drop_run(run_id)
        return found

    def weight_files(self, run_id: str) -> tuple[WeightFile, WeightFile]:
        """The files of parameters and buffers before and after training, each held to what was written.

        Raises:
            CorruptRun: a file is missing or is not what was written.
        """
        query = "SELECT initial_sha256, final_sha256 FROM runs WHERE run_id = ?"
        digests = self._connection.execute(query, (run_id,)).fetchone()
        initial, final = (
            WeightFile(self.folder / "runs" / run_id / f"{name}.safetensors", digest)
            for name, digest in zip(("initial", "final"), digests, strict=True)
        )
        for file in (initial, final):
            file.content()
        return initial, final

    def drop_run(self, run_id: str) -> None:
        """Forget a run and its scores; its files are overwritten when it is trained again."""
        with self._connection:
            self._connection.execute("DELETE FROM scores WHERE run_id = ?", (run_id,))
            self._connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    # -- scores --------------------------------------------------------------------------------------------------------

    def add_scores(self, run_id: str, scores: Mapping[str, Score]) -> None:
        """Write the scores of one run in one transaction; a cell of the same version is replaced."""
        now = _now()
        rows = [
            (run_id, name, s.version, s.outcome, s.value, s.seconds, s.why, json.dumps(s.passes), now)
            for name, s in scores.items()
        ]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def scores(self) -> Iterator[tuple[str, str, Score]]:
        """All (run_id, measure, score), of every version that was ever computed."""
        query = "SELECT run_id, measure, value, outcome, seconds, version, why, passes FROM scores ORDER BY 1, 2, 6"
        for run_id, name, value, outcome, seconds, version, why, passes in self._connection.execute(query):
            yield run_id, name, Score(value, outcome, seconds, version, why, tuple(json.loads(passes)))

    # -- the ledger file -----------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return self.folder / "ledger.sqlite"

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            aside = self.path.with_suffix(f".damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
            self.path.rename(aside)
            for extra in ("-wal", "-shm"):
                self.path.with_name(self.path.name + extra).unlink(missing_ok=True)
            self.repairs.append(
                f"The ledger {self.path} is damaged ({error}); it was put aside as {aside.name}, and the runs are read "
                f"back from their weight files."
            )
        connection = self._connected()
        self._connection = connection
        for folder in sorted((self.folder / "runs").glob("*/")):
            self._read_back(folder)
        return connection

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path)
        try:
            if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("its pages are inconsistent")  # noqa: TRY301  one way out
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(SCHEMA)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def _read_back(self, folder: Path) -> None:
        files = [folder / f"{name}.safetensors" for name in ("initial", "final")]
        try:
            with safetensors.safe_open(files[1], framework="pt") as opened:
                header = {name: json.loads(text) for name, text in opened.metadata().items()}
            with safetensors.safe_open(files[0], framework="pt"):
                digests = [_sha256(file.read_bytes()) for file in files]
            recipe = Recipe.from_changed(header["recipe"])
            if recipe.run_id == folder.name:
                self._insert(folder.name, header["recipe"], header["record"], header["provenance"], *digests)
        except (OSError, ValueError, LookupError, safetensors.SafetensorError) as error:
            self.repairs.append(f"{folder} cannot be read back ({error}); the run is trained again.")

    def _insert(
        self,
        run_id: str,
        recipe: Mapping[str, Any],
        record: Mapping[str, Any],
        provenance: Mapping[str, Any],
        initial_sha256: str,
        final_sha256: str,
    ) -> None:
        row = (run_id, *map(json.dumps, (recipe, record, provenance)), initial_sha256, final_sha256, _now())
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    _write(path, text.encode())


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name to write to, renamed to `path` when the block ends well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _contiguous(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in state.items()}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
