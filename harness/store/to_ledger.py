"""Turn a zoo on disk into a ledger: the table that the leaderboard reads."""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Final

import pandas as pd

from harness.sandbox.submission import Submission
from harness.store.adopted import AdoptedNetwork, Origin
from harness.store.measure_metadata import Metadata, make_metadata
from harness.store.provenance import Provenance, RunFacts, summarize
from harness.store.store import Store
from leaderboard.claims import Evidence
from measures import Measure, Score
from zoo.recipe import Recipe
from zoo.training.record import CurvePoint

SEEDS: Final = {"seed", "init_seed", "data_seed", "train_part"}  # what is drawn
CORRUPTED: Final = {"corruption", "corruption_p", "shift", "severity", "shift_on"}  # joined into one name
HYPERPARAMETERS: Final = tuple(
    field.name for field in fields(Recipe) if field.name not in CORRUPTED | SEEDS | {"checkpoints", "unlabeled"}
)  # those that never vary are left out
MISSING: Final = object()  # a cell that is not set
STALE: Final = "It was scored by another version of the measure; score the zoo again."
RECORDED: Final = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "stopped", "epochs", "test_size")


def frame_of(store: Store, *, every_hyperparameter: bool = False) -> pd.DataFrame:
    """Return one row per network, with the columns of `leaderboard.ledger.read` and the newest version of each measure.

    With `every_hyperparameter` also hyperparameters that never vary, and the seeds of initialization and data.
    """
    runs, table = store.runs(), _Table()
    for run_id, run in runs.items():
        record = asdict(run.record)
        row = {
            "run_id": run_id,
            "seed": run.origin.seed,
            **hyperparameters_of(run.origin),
            **{name: record[name] for name in RECORDED},
            "converged": run.record.converged,
            "gap": run.record.train_accuracy - run.record.test_accuracy,
            "seconds": run.record.seconds,
        }
        if every_hyperparameter and isinstance(run.origin, Recipe):
            recipe = run.origin
            row |= {"init_seed": recipe.initial_seed, "data_seed": recipe.data.seed, "train_part": recipe.train_part}
        table.put(run_id, row)
    described = store.metadata()
    for run_id, name, score in store.scores():  # versions ascend, so that the newest stays
        if run_id not in runs:
            continue
        if not _is_current(score, described.get(name, {})):
            stale = {f"measure.{name}": None, f"cost.{name}": None, f"outcome.{name}": "stale", f"why.{name}": STALE}
            table.put(run_id, stale, replace=False)
            continue
        cells = {
            f"measure.{name}": score.value,
            f"cost.{name}": score.seconds if score.outcome == "scored" else None,
            f"outcome.{name}": score.outcome,
            f"why.{name}": score.why,
        }
        table.put(run_id, cells)
    for run_id, observed in store.observations().items():
        if run_id in runs:
            table.put(run_id, {f"observed.{n}": v for n, v in observed.items() if isinstance(v, float)})
    if len({run.record.precision for run in runs.values()}) > 1:  # it decided the weights, too
        for run_id, run in runs.items():
            table.put(run_id, {"hp.precision": run.record.precision})
    frame = table.frame()
    same = [name for name in frame.columns if name.startswith("hp.") and len(frame[name].unique()) == 1]
    keep = every_hyperparameter or len(same) == sum(name.startswith("hp.") for name in frame.columns)
    varied = frame if keep else frame.drop(columns=same)
    numbers = {name: float for name in varied.columns if name.startswith(("measure.", "cost."))}
    return varied.astype(numbers).copy()  # copied into one block, since columns are added to it


class _Table:
    """Rows of a ledger, each a list by column: of many thousands, dictionaries take gigabytes."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._rows: dict[str, list[object]] = {}

    def put(self, run_id: str, cells: Mapping[str, object], *, replace: bool = True) -> None:
        """Set cells of a row; without `replace` only those that are not set."""
        row = self._rows.setdefault(run_id, [])
        for name, value in cells.items():
            column = self._columns.setdefault(name, len(self._columns))
            row.extend([MISSING] * (column + 1 - len(row)))
            if replace or row[column] is MISSING:
                row[column] = sys.intern(value) if type(value) is str else value

    def frame(self) -> pd.DataFrame:
        """Return the table, columns in the order in which they are met row by row."""
        order: dict[str, int] = {}
        names = list(self._columns)
        for row in self._rows.values():
            order |= {name: column for column, name in enumerate(names[: len(row)]) if row[column] is not MISSING}
        rows = [
            [row[column] if column < len(row) and row[column] is not MISSING else math.nan for column in order.values()]
            for row in self._rows.values()
        ]
        return pd.DataFrame(rows, columns=list(order))


def _is_current(score: Score, described: Mapping[str, object]) -> bool:
    """Return whether a score is of the code that was last run; earlier ledgers do not record it."""
    newest = described.get("version", score.version), described.get("source_hash", score.source_hash)
    return (score.version, score.source_hash) == newest


def layers_of(store: Store) -> pd.DataFrame:
    """Return one row per layer of each score that is stored by layer."""
    return pd.DataFrame(store.layers(), columns=["run_id", "measure", "version", "layer", "value"])


def metadata_of(
    measures: Mapping[str, Measure], submissions: Mapping[str, Submission] | None = None
) -> dict[str, Metadata]:
    """Return the metadata of measures by name; those of plug-ins include the hash of their code."""
    hashes = {name: submission.source_hash for name, submission in (submissions or {}).items()}
    return {
        name: make_metadata(
            family=measure.family,
            expected_sign=measure.expected_sign,
            source=measure.source,
            needs=measure.needs,
            cost=measure.cost,
            version=measure.version,
            weights_only=measure.weights_only,
            docstring=measure.compute.__doc__ or "",
            source_hash=hashes.get(name, ""),
        )
        for name, measure in measures.items()
    }


def hyperparameters_of(origin: Origin) -> dict[str, object]:
    """Return the `hp.` columns of a network's row."""
    if isinstance(origin, AdoptedNetwork):
        return {f"hp.{name}": value for name, value in origin.hyperparameters.items()}
    recipe = origin
    level = f" {recipe.corruption_p:g}" if recipe.corruption_p else ""
    shift = f", {recipe.shift} {recipe.severity} on {recipe.shift_on}" if recipe.shift else ""
    return {
        "hp.corruption": recipe.corruption + level + shift,
        **{f"hp.{name}": _plain(getattr(recipe, name)) for name in HYPERPARAMETERS},
    }


def _plain(value: object) -> object:
    """Return a value for a table cell: the run_id of a recipe, the joined items of a tuple."""
    if isinstance(value, Recipe):
        return value.run_id
    return (" ".join(map(str, value)) or None) if isinstance(value, tuple) else value


def evidence_of(store: Store) -> Evidence:
    """Collect the data that the claims of a study are tested on."""
    runs = store.runs()
    curves = [{"run_id": run_id, **asdict(point)} for run_id, run in runs.items() for point in run.record.curve]
    arrays: dict[str, dict[str, Sequence[int]]] = {}
    for run_id, observed in store.observations().items():
        for name, value in observed.items():
            if not isinstance(value, float):
                arrays.setdefault(name, {})[run_id] = value
    columns = [field.name for field in fields(CurvePoint)]
    table = pd.DataFrame(curves, columns=["run_id", *columns])
    return Evidence(frame_of(store, every_hyperparameter=True), table, arrays)


def curves_of(store: Store) -> dict[str, tuple[float, ...]]:
    """Return the loss of each epoch of each network, by run_id."""
    return {run_id: run.record.losses for run_id, run in store.runs().items()}


def provenance_of(store: Store) -> Provenance:
    """Return when, from which seeds and on what machines the networks of a zoo were made, and in how many seconds."""
    runs = store.runs().values()
    facts = [RunFacts(run.provenance, run.created, run.origin.seed, run.record.seconds) for run in runs]
    return summarize(facts, store.folder.resolve().name, store.scoring_seconds())
