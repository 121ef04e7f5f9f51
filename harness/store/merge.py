"""Merge zoos: the union of runs, scores and observations, for shards made on several machines.

Runs without a row and files that were never finished are ignored, as by every reader of a zoo. The rows of all zoos
enter the ledger in one transaction, after the weight files: a merge that is refused or killed changes no row.
"""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.errors import HarnessError
from harness.store.atomic_write import write_bytes
from harness.store.provenance import HELD_OUT, Provenance
from harness.store.store import Store, open_store
from harness.store.weights import CorruptRunError, WeightFile
from zoo.training.record import Record

ROUNDING: Final = 1e-4  # relative; another processor moves scores by less
FIGURES: Final = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "stopped", "epochs", "steps")
CELLS: Final = "measure, version, outcome, value, seconds, why, passes, created, source_hash, num_layers"


class MergeError(HarnessError):
    """Zoos that do not fit together."""


@dataclass(slots=True)
class Merged:
    """Result of a merge.

    Attributes:
        networks: how many were added.
        scores: how many were added, or replaced a failure.
        left_out: what is damaged and was left out, a sentence each.
    """

    networks: int = 0
    scores: int = 0
    left_out: list[str] = field(default_factory=list)


def merge(folders: Sequence[Path], out: Path) -> Merged:
    """Add the zoos in some directories to that in another, which is created if it does not exist.

    Raises:
        NoZooError: a directory holds no zoo.
        MergeError: the same run or score has other figures in two of them, or they are of different secrets.
    """
    merged, origins = Merged(), dict[str, Path]()
    with Store(out) as target, closing(sqlite3.connect(target.path)) as connection, connection:
        secrets = [(out, run.provenance.get(HELD_OUT)) for run in target.runs().values()][:1]
        for folder in folders:
            with open_store(folder) as source, closing(sqlite3.connect(source.path)) as rows:
                secrets += [(folder, run.provenance.get(HELD_OUT)) for run in source.runs().values()]
                _require_one_secret(secrets)
                secrets = secrets[:1]
                _Merge(source, rows, out, connection, merged, origins).add_all()
    return merged


def _require_one_secret(secrets: Sequence[tuple[Path, Provenance | None]]) -> None:
    for folder, secret in secrets:
        first_folder, first = secrets[0]
        if secret != first:
            raise MergeError(
                f"{first_folder} and {folder} must be of one secret or both public: held-out networks are not ranked "
                "with others."
            )


@dataclass(frozen=True, slots=True)
class _Merge:
    """Merge of one zoo into another.

    Attributes:
        source: the zoo that is added.
        rows: connection to its ledger.
        out: directory of the other.
        target: connection to its ledger, in a transaction.
        merged: counts what is added.
        origins: the zoo that each run was added from, by run_id.
    """

    source: Store
    rows: sqlite3.Connection
    out: Path
    target: sqlite3.Connection
    merged: Merged
    origins: dict[str, Path]

    def add_all(self) -> None:
        """Add every run that is whole, and the metadata of the measures."""
        for run_id, run in self.source.runs().items():
            try:
                halves, trajectory = self.source.weight_files(run_id), self.source.trajectory_file(run_id)
                self._add(run_id, run.record, [*halves, *([trajectory] if trajectory else [])], halves[1].sha256)
            except CorruptRunError as error:
                self.merged.left_out.append(f"{error} Run {run_id} is left out.")
        self.merged.left_out += self.source.repairs
        known = {name: json.loads(text) for name, text in self.target.execute("SELECT measure, metadata FROM measures")}
        for name, metadata in self.source.metadata().items():
            if name not in known or _version(metadata) > _version(known[name]):
                self.target.execute("INSERT OR REPLACE INTO measures VALUES (?, ?)", (name, json.dumps(metadata)))

    def _add(self, run_id: str, record: Record, files: Sequence[WeightFile], final: str) -> None:
        there = self.target.execute("SELECT record, final_sha256 FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        if there is None:
            folder = self.out / "runs" / run_id
            folder.mkdir(parents=True, exist_ok=True)
            for file in files:
                write_bytes(folder / file.path.name, file.content())
            for table in ("runs", "trajectories"):
                self._copy(table, "run_id", (run_id,))
            self.merged.networks += 1
            self.origins[run_id] = self.source.folder
        else:
            other = Record.from_json(json.loads(there[0]))
            for name in FIGURES:
                self._require_same(run_id, name, getattr(other, name), getattr(record, name))
            if there[1] != final:
                return  # it was trained twice; scores and observations are those of the weights that are kept
        self._add_scores(run_id)
        self._add_observations(run_id)

    def _add_scores(self, run_id: str) -> None:
        there = {(cell[0], cell[1]): cell for cell in _cells(self.target, run_id)}
        for cell in _cells(self.rows, run_id):
            name, version, outcome, value, *_, source_hash, _ = cell
            other = there.get((name, version))
            if other is not None and other[-2] != source_hash:
                raise MergeError(
                    f"{self._origin(run_id)} and {self.source.folder} have scores of {name}, version {version}, from "
                    "different code. Score one of them again."
                )
            if other is not None and (other[2], outcome) == ("scored", "scored"):
                self._require_same(run_id, name, other[3], value)
            elif other is None or outcome == "scored":
                marks = ", ".join("?" * (1 + len(cell)))
                statement = f"INSERT OR REPLACE INTO scores (run_id, {CELLS}) VALUES ({marks})"  # noqa: S608  names above
                self.target.execute(statement, (run_id, *cell))
                self.merged.scores += 1
            self._copy("layers", "run_id, measure, version", (run_id, name, version))

    def _add_observations(self, run_id: str) -> None:
        query = "SELECT observation, observed FROM observations WHERE run_id = ?"
        there = dict(self.target.execute(query, (run_id,)))
        for name, observed in self.rows.execute(query, (run_id,)):
            if name in there:
                self._require_same(run_id, name, json.loads(there[name]), json.loads(observed))
        self._copy("observations", "run_id", (run_id,))

    def _copy(self, table: str, key: str, values: Sequence[object]) -> None:
        """Copy the rows of a table that have these values, except those that are there."""
        marks = ", ".join("?" * len(values))
        for row in self.rows.execute(f"SELECT * FROM {table} WHERE ({key}) = ({marks})", values):  # noqa: S608  names above
            self.target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608

    def _require_same(self, run_id: str, name: str, there: Any, here: Any) -> None:
        if not _same(there, here):
            raise MergeError(
                f"{name} of run {run_id} must be the same in all zoos; it is {there} in {self._origin(run_id)} and "
                f"{here} in {self.source.folder}. Leave one of the two out."
            )

    def _origin(self, run_id: str) -> Path:
        return self.origins.get(run_id, self.out)


def _cells(connection: sqlite3.Connection, run_id: str) -> Iterator[tuple[Any, ...]]:
    """Yield the sound scores of a run."""
    sound = "(outcome = 'scored') = (typeof(value) = 'real')"
    yield from connection.execute(f"SELECT {CELLS} FROM scores WHERE run_id = ? AND {sound}", (run_id,))  # noqa: S608  names above


def _version(metadata: Any) -> int:
    return int(metadata.get("version", 0))


def _same(one: Any, other: Any) -> bool:
    """Return whether two figures, or lists and dictionaries of them, are equal up to rounding."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=ROUNDING, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return all(_same(one[key], other[key]) for key in one)
    return bool(one == other)
