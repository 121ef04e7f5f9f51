"""Runs and scores on disk: one directory per zoo, with a SQLite ledger and safetensors weights.

A row in the ledger means that the work is done. Weights are written atomically before their row, so that killing the
program loses nothing but the work in progress. Reading never deletes anything.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, get_args

from harness.errors import HarnessError
from harness.store.adopted import Origin, origin_of, require_recipe
from harness.store.atomic_write import write_bytes
from harness.store.provenance import Provenance
from harness.store.schema import RUNS, SCORES, WITHOUT_LAYERS, insert_run, now, open_ledger
from harness.store.snapshot import LEDGER, require_zoo
from harness.store.weights import HALVES, TRAJECTORY, PackedRun, WeightFile
from measures import Score
from measures.api import Outcome
from zoo.observations.observed import Observed
from zoo.recipe import Recipe
from zoo.training.record import Record


class StoreError(HarnessError):
    """The ledger cannot be opened, though it may be intact."""


def open_store(folder: Path) -> "Store":
    """Open the zoo in a directory; unlike `Store`, make none.

    Raises:
        NoZooError: the directory holds none.
        StoreError: its ledger cannot be opened.
    """
    require_zoo(folder)
    return Store(folder)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A row of the ledger.

    Attributes:
        run_id: name of the run and of its folder.
        origin: recipe of what was trained, or the record of what was trained elsewhere.
        record: of its training.
        provenance: versions and machine.
        created: when the row was written, ISO 8601 in UTC.
    """

    run_id: str
    origin: Origin
    record: Record
    provenance: Provenance
    created: str

    @property
    def recipe(self) -> Recipe:
        """Its recipe.

        Raises:
            NoRecipeError: it was trained elsewhere.
        """
        return require_recipe(self.origin)


class Store:
    """One zoo on disk.

    Args:
        folder: its directory, which is created if it does not exist.

    Attributes:
        repairs: what was found damaged and what is done about it, a sentence each.

    Raises:
        StoreError: the ledger cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._connection, self.repairs = open_ledger(self.path)
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{self.path} must be open to reading and writing; SQLite says: {error}. "
                f"Is another program at work in {folder}?"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger."""
        self._connection.close()

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return self.folder / LEDGER

    # -- runs ----------------------------------------------------------------------------------------------------------

    def add_run(self, run: PackedRun) -> str:
        """Write a run: its weights, then its row; scores of earlier weights are deleted. Returns the run_id."""
        run_id = run.origin.run_id
        folder = self.folder / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        for half, content in zip(HALVES, (run.initial, run.final), strict=True):
            write_bytes(folder / f"{half}.safetensors", content)
        if run.trajectory is not None:
            write_bytes(folder / TRAJECTORY, run.trajectory)
        insert_run(self._connection, run_id, run)
        return run_id

    def runs(self) -> dict[str, StoredRun]:
        """Return all runs by run_id; a damaged row is left out and named in `repairs`."""
        found = {}
        for run_id, recipe, record, provenance, created, *_ in self._connection.execute(f"{RUNS} ORDER BY run_id"):
            try:
                stored = origin_of(json.loads(recipe))
                if stored.run_id != run_id:
                    raise ValueError(f"its recipe is that of {stored.run_id}")  # noqa: TRY301  one way out
                found[run_id] = StoredRun(
                    run_id, stored, Record.from_json(json.loads(record)), json.loads(provenance), created
                )
            except (ValueError, TypeError, LookupError) as error:
                self._note(f"The row of run {run_id} in {self.path} is damaged or from another version ({error}).")
        return found

    def weight_files(self, run_id: str) -> tuple[WeightFile, WeightFile]:
        """Return the files of parameters and buffers before and after training, after checking their hashes.

        Raises:
            CorruptRunError: a file is missing or has another hash.
        """
        *_, initial_sha256, final_sha256 = self._connection.execute(f"{RUNS} WHERE run_id = ?", (run_id,)).fetchone()
        initial, final = (
            WeightFile(self.folder / "runs" / run_id / f"{half}.safetensors", digest)
            for half, digest in zip(HALVES, (initial_sha256, final_sha256), strict=True)
        )
        for file in (initial, final):
            file.content()
        return initial, final

    def trajectory_file(self, run_id: str) -> WeightFile | None:
        """Return the file of the checkpoints, after checking its hash; None where none were kept.

        Raises:
            CorruptRunError: the file is missing or has another hash.
        """
        row = self._connection.execute("SELECT sha256 FROM trajectories WHERE run_id = ?", (run_id,)).fetchone()
        if row is None:
            return None
        file = WeightFile(self.folder / "runs" / run_id / TRAJECTORY, row[0])
        file.content()
        return file

    # -- scores --------------------------------------------------------------------------------------------------------

    def add_scores(self, run_id: str, scores: Mapping[str, Score], *, layers: bool = False) -> None:
        """Write the scores of one run in one transaction; a score of the same version is replaced, with its layers.

        A value stays where the same code gives none this time. With `layers` also the contribution of each layer to
        scores that are sums or products over layers.
        """
        at = now()
        scored = "SELECT measure, version, source_hash FROM scores WHERE run_id = ? AND outcome = 'scored'"
        scored_before = set(self._connection.execute(scored, (run_id,)))
        kept = {
            n: s
            for n, s in scores.items()
            if s.outcome == "scored" or (n, s.version, s.source_hash) not in scored_before
        }
        rows = [
            (run_id, name, s.version, s.outcome, s.value, s.seconds, s.why, json.dumps(s.passes), at, s.source_hash,
             len(s.layers))
            for name, s in kept.items()
        ]  # fmt: skip
        parts = [(run_id, n, s.version, layer, v) for n, s in kept.items() for layer, v in s.layers.items()]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            cells = [row[:3] for row in rows]
            self._connection.executemany("DELETE FROM layers WHERE (run_id, measure, version) = (?, ?, ?)", cells)
            self._connection.executemany("INSERT INTO layers VALUES (?, ?, ?, ?, ?)", parts if layers else [])

    def scores(self) -> Iterator[tuple[str, str, Score]]:
        """Yield all (run_id, measure, score) of every version, versions ascending.

        A damaged score is left out and named in `repairs`.
        """
        rows = self._connection.execute(f"{SCORES} ORDER BY run_id, measure, version")
        for run_id, name, value, outcome, seconds, version, why, passes, _, source_hash in rows:
            try:
                if outcome not in get_args(Outcome) or (outcome == "scored") != isinstance(value, float):
                    raise ValueError(f"outcome {outcome}, value {value}")  # noqa: TRY301  one way out
                used = tuple(json.loads(passes))
                score = Score(value, outcome, seconds, version, why, used, source_hash=source_hash)
            except (ValueError, TypeError) as error:
                self._note(f"The score {name} of run {run_id} in {self.path} is damaged ({error}).")
            else:
                yield run_id, name, score

    def scoring_seconds(self) -> float:
        """Return the seconds of all scores that were ever computed."""
        return float(self._connection.execute("SELECT TOTAL(seconds) FROM scores").fetchone()[0])

    def layers(self) -> list[tuple[str, str, int, str, float]]:
        """Return all (run_id, measure, version, layer, value) that are stored."""
        return list(self._connection.execute("SELECT * FROM layers ORDER BY run_id, measure, version, rowid"))

    def without_layers(self) -> set[tuple[str, str, int, str]]:
        """Return all (run_id, measure, version, source_hash) of scores whose contributions of layers are not stored.

        Includes scores of earlier ledgers, which do not say whether they are sums over layers.
        """
        return set(self._connection.execute(WITHOUT_LAYERS))

    def add_metadata(self, metadata: Mapping[str, Mapping[str, object]]) -> None:
        """Write the metadata of measures, so that a plug-in's sign outlives the plug-in."""
        rows = [(name, json.dumps(values)) for name, values in metadata.items()]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO measures VALUES (?, ?)", rows)

    def metadata(self) -> dict[str, dict[str, object]]:
        """Return the metadata of measures from when they were computed, by name."""
        return {
            name: json.loads(text)
            for name, text in self._connection.execute("SELECT measure, metadata FROM measures ORDER BY measure")
        }

    # -- observations --------------------------------------------------------------------------------------------------

    def add_observations(self, run_id: str, observed: Mapping[str, Observed]) -> None:
        """Write the observations of one run in one transaction."""
        rows = [(run_id, name, json.dumps(values, allow_nan=False)) for name, values in observed.items()]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO observations VALUES (?, ?, ?)", rows)

    def observed(self) -> set[tuple[str, str]]:
        """Return all (run_id, observation) that are stored."""
        return set(self._connection.execute("SELECT run_id, observation FROM observations"))

    def observations(self) -> dict[str, dict[str, float | list[int]]]:
        """Return observed values by run_id and name: numbers, and lists of integers."""
        found: dict[str, dict[str, float | list[int]]] = {}
        for run_id, observed in self._connection.execute("SELECT run_id, observed FROM observations ORDER BY run_id"):
            values = {name: float(v) if isinstance(v, int | float) else v for name, v in json.loads(observed).items()}
            found.setdefault(run_id, {}).update(values)
        return found

    def _note(self, sentence: str) -> None:
        if sentence not in self.repairs:
            self.repairs.append(sentence)
