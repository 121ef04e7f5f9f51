"""The ledger: one row a trained network; the table that everything in this room reads.

| column | meaning |
|---|---|
| `run_id` | name of the network, unique; numbered if absent |
| `hp.<name>` | a hyperparameter, numeric or text; a missing value counts as a value of its own; at least one column |
| `seed` | the replicate; networks that agree in every `hp.*` are replicates of one configuration |
| `train_accuracy`, `test_accuracy` | shares in [0, 1] |
| `train_loss`, `test_loss` | mean losses |
| `gap` | train_accuracy - test_accuracy; from the accuracies if absent |
| `loss_gap` | test_loss - train_loss; from the losses if absent |
| `test_error` | 1 - test_accuracy; from the accuracy if absent |
| `converged` | true or false: whether training reached its stopping criterion |
| `stopped` | text: why training ended |
| `test_size` | number of test examples behind test_accuracy |
| `measure.<name>` | the score; empty where there is none; at least one column |
| `cost.<name>` | seconds that the score took |
| `noise.<name>` | standard deviation of the score over repeated draws of its estimator on this network |
| `outcome.<name>` | scored, unsupported, failed, timeout, or stale: of other code than was last asked for |
| `why.<name>` | the reason where there is no score |

Only `hp.*`, `measure.*` and a target are required; columns of other names are kept and ignored.
"""

import csv
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from leaderboard.errors import LedgerError
from leaderboard.ledger.column_names import Columns, suggestion

Target = Literal["gap", "loss_gap", "test_error"]

TARGETS: Final[dict[str, str]] = {
    "gap": "train_accuracy and test_accuracy",
    "loss_gap": "train_loss and test_loss",
    "test_error": "test_accuracy",
}
NUMBERS: Final = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "test_size", *TARGETS)
NUMERIC: Final = ("measure.", "cost.", "noise.")
EMPTY: Final = ("", "NaN", "nan", "NA", "null", "None")  # how programs write "no number"; text keeps all but ""
TRUTH: Final = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def read_ledger(path: Path, columns: Columns | None = None) -> pd.DataFrame:
    """The ledger in a CSV or Parquet file, checked and completed.

    Args:
        path: the file.
        columns: which columns are hyperparameters, measures and the gap, where they are not named so.

    Raises:
        LedgerError: no such file, another format, a file that is damaged, or a table that is not a ledger.
    """
    if not path.is_file():
        raise LedgerError(f"{path} must be a ledger file; there is no such file.")
    if path.suffix not in {".csv", ".parquet"}:
        raise LedgerError(f"A ledger file must end in .csv or .parquet; got {path.name}.")
    try:
        frame = _read_csv(path, columns or Columns()) if path.suffix == ".csv" else _read_parquet(path, columns)
    except LedgerError:
        raise
    except UnicodeDecodeError as error:
        raise LedgerError(f"{path} must be text in UTF-8; byte {error.start} is not. Save it so.") from error
    except (ValueError, OSError) as error:  # pandas' and pyarrow's own are of these
        raise LedgerError(f"{path} must be a whole {path.suffix[1:]} file; it cannot be read: {error}") from error
    return checked(frame)


def checked(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy with numeric columns as float64, `converged` as bool, and the targets that follow from other columns.

    Raises:
        LedgerError: a required column is missing, a run_id appears twice, or a cell is not of its column's kind.
    """
    doubled = frame.columns[frame.columns.duplicated()]
    if len(doubled):
        raise LedgerError(f"The columns of a ledger must have different names; {doubled[0]!r} appears twice.")
    if frame.empty:
        raise LedgerError("A ledger must have at least one row, a trained network; it has none.")
    ledger = frame.reset_index(drop=True).copy()  # in one piece, here and below, since columns are added to it
    for kind, what in (("hp.", "hyperparameter"), ("measure.", "complexity measure")):
        if not any(str(column).startswith(kind) for column in ledger):
            raise LedgerError(
                f"A ledger must have a column {kind}<name> for each {what}; it has none. Rename them, or map them with "
                f"--{kind[:-1]} NAMES."
            )
        if kind in ledger:
            raise LedgerError(f"A {what} must have a name; got a column {kind!r}.")
    _require_values(ledger)
    if "run_id" not in ledger:
        ledger.insert(0, "run_id", [f"row_{place}" for place in range(len(ledger))])
    ledger["run_id"] = ledger["run_id"].astype(str)
    twice = ledger.loc[ledger["run_id"].duplicated(), "run_id"]
    if len(twice):
        raise LedgerError(f"run_id must be unique; {twice.iloc[0]!r} appears twice. Keep one row a network.")
    others = [str(column) for column, kind in ledger.dtypes.items() if kind != np.float64]
    numeric = [column for column in others if column in NUMBERS or column.startswith(NUMERIC)]
    converted: dict[str, pd.Series[Any]] = {column: _numbers(ledger, column) for column in numeric}
    if "converged" in ledger:
        converted["converged"] = _truth(ledger)
    return _with_targets(ledger.assign(**converted).copy())


def target_of(ledger: pd.DataFrame, target: Target) -> "pd.Series[float]":
    """The column of a target, NaN where a network has none.

    Raises:
        LedgerError: no such target, or a ledger from which it cannot be had.
    """
    if target not in TARGETS:
        raise LedgerError(f"No target is called {target!r}. {suggestion(target, TARGETS)}")
    if target not in ledger:
        raise LedgerError(f"A ledger must have a column {target}, or {TARGETS[target]}, to be ranked by {target}.")
    return ledger[target].where(np.isfinite(ledger[target]))


def names_of(ledger: pd.DataFrame, kind: Literal["hp", "measure"]) -> list[str]:
    """The names of the hyperparameters, as `hp.<name>`, or of the measures, as `<name>`, in the columns' order."""
    columns = [str(column) for column in ledger if str(column).startswith(f"{kind}.")]
    return columns if kind == "hp" else [column.removeprefix("measure.") for column in columns]


def _read_csv(path: Path, columns: Columns) -> pd.DataFrame:
    with path.open(newline="", encoding="utf-8-sig") as file:  # some programs put a mark before the first name
        rows = csv.reader(file)
        header = next(rows, [])
        for number, row in enumerate(rows, start=2):
            if row and len(row) != len(header):
                raise LedgerError(
                    f"Every row of {path} must have {len(header)} cells; row {number} has {len(row)}. "
                    "Was the file cut off?"
                )
    if len(set(header)) < len(header):
        repeated = next(name for place, name in enumerate(header) if name in header[:place])
        raise LedgerError(f"The columns of a ledger must have different names; {repeated!r} appears twice.")
    names = columns.renamed(header)
    empty = {
        name: list(EMPTY) if new in NUMBERS or new.startswith(NUMERIC) else [""]
        for name, new in zip(header, names, strict=True)
    }
    frame = pd.read_csv(path, keep_default_na=False, na_values=empty, dtype={"run_id": str})
    frame.columns = pd.Index(names)
    return frame


def _read_parquet(path: Path, columns: Columns | None) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    if columns is not None:
        frame.columns = pd.Index(columns.renamed([str(name) for name in frame.columns]))
    return frame


def _require_values(ledger: pd.DataFrame) -> None:
    """Refuse hyperparameters that cannot be told equal, as lists cannot."""
    for column in names_of(ledger, "hp"):
        if ledger[column].dtype == np.dtype(object):
            bad = next((value for value in ledger[column] if not isinstance(value, Hashable)), None)
            if bad is not None:
                raise LedgerError(f"{column} must hold numbers or texts; got {bad!r}. Write it as a text.")


def _numbers(ledger: pd.DataFrame, column: str) -> "pd.Series[float]":
    values = ledger[column]
    if values.dtype.kind in "mM":  # of which pandas would take the nanoseconds
        values = values.astype(str)
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    bad = values[numbers.isna() & values.notna()]
    if len(bad):
        run_id = ledger.loc[bad.index[0], "run_id"]
        raise LedgerError(f"{column} must hold numbers; got {bad.iloc[0]!r} for {run_id}. Leave a missing one empty.")
    return numbers


def _truth(ledger: pd.DataFrame) -> "pd.Series[bool]":
    words = ledger["converged"].astype(str).str.lower()
    unknown = words[~words.isin(list(TRUTH))]
    if len(unknown):
        run_id = ledger.loc[unknown.index[0], "run_id"]
        raise LedgerError(f"converged must be true or false; got {unknown.iloc[0]!r} for {run_id}.")
    return words.map(TRUTH).astype(bool)


def _with_targets(ledger: pd.DataFrame) -> pd.DataFrame:
    derived: dict[str, pd.Series[float]] = {}
    if "gap" not in ledger and {"train_accuracy", "test_accuracy"} <= set(ledger):
        derived["gap"] = ledger["train_accuracy"] - ledger["test_accuracy"]
    if "loss_gap" not in ledger and {"train_loss", "test_loss"} <= set(ledger):
        derived["loss_gap"] = ledger["test_loss"] - ledger["train_loss"]
    if "test_error" not in ledger and "test_accuracy" in ledger:
        derived["test_error"] = 1 - ledger["test_accuracy"]
    if not derived and not set(TARGETS) & set(ledger):
        raise LedgerError(
            "A ledger must have a column gap, or train_accuracy and test_accuracy; it has none of them. Rename it, or "
            "map it with --gap NAME."
        )
    return ledger.assign(**derived)
