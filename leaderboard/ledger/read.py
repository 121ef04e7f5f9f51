"""Ledger: a table with one row for each trained network.

| column | meaning |
|---|---|
| `run_id` | name of the network, unique; numbered if absent |
| `hp.<name>` | hyperparameter, numeric or text; a missing value counts as one more value; at least one column |
| `seed` | replicate; networks that agree in every `hp.*` are replicates of one configuration |
| `train_accuracy`, `test_accuracy` | shares in [0, 1] |
| `train_loss`, `test_loss` | mean losses |
| `gap` | train_accuracy - test_accuracy; computed from the accuracies if absent |
| `loss_gap` | test_loss - train_loss; computed from the losses if absent |
| `test_error` | 1 - test_accuracy; computed from the accuracy if absent |
| `error_under.<shift>.<severity>` | test error under a shift; see `leaderboard.ledger.targets` for these and others |
| `converged` | true or false: whether training reached its stopping criterion |
| `stopped` | text: why training ended |
| `test_size` | number of test examples behind test_accuracy |
| `measure.<name>` | score; empty if there is none; at least one column |
| `cost.<name>` | seconds that the score took |
| `noise.<name>` | standard deviation of the score over repeated draws of its estimator on this network |
| `outcome.<name>` | scored, unsupported, failed, timeout, or stale (scored by an earlier version of the code) |
| `why.<name>` | reason why there is no score |

Only `hp.*`, `measure.*` and a target are required; columns of other names are kept and ignored.
"""

import re
import zlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from leaderboard.errors import LedgerError
from leaderboard.ledger.column_names import Columns
from leaderboard.ledger.delimited import EMPTY, SUFFIXES, inspect_text, is_delimited, read_text
from leaderboard.ledger.targets import SIZE, is_of_a_target, is_share, is_target, limits_of, with_targets

NUMBERS: Final = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "test_size")
NUMERIC: Final = ("measure.", "cost.", "noise.")
THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}([,.' ]\d{3})+([,.]\d+)?")
ACCURACIES: Final = ("train_accuracy", "test_accuracy")
MOST_EXAMPLES: Final = 1e12  # more than any test set has
ROUNDING: Final = 1e-6  # by which a share may exceed its ends
SAME_LEVEL: Final = 1e-9  # relative difference up to which two numbers are one level of a hyperparameter
TRUTH: Final = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def read_ledger(
    path: Path, columns: Columns | None = None, *, percent: bool = False, targets: bool = True
) -> pd.DataFrame:
    """Read a ledger from a Parquet file or a table of text, check it and complete it.

    A table of text may be separated by commas, semicolons or tabs, with decimal commas where the separator is no comma,
    and packed by gzip.

    Args:
        path: the file.
        columns: which columns are hyperparameters, measures and the gap, where they are not named so.
        percent: divide accuracies, gap and error by 100.
        targets: require a target.

    Raises:
        LedgerError: the file does not exist, has another format or is damaged, or the table is not a ledger.
    """
    if not path.is_file():
        raise LedgerError(f"There is no ledger file {path}.")
    parquet = path.suffix.lower() == ".parquet"
    if not parquet and not is_delimited(path):
        raise LedgerError(f"A ledger must be a Parquet file or a table ({', '.join(SUFFIXES)}); got {path.name}.")
    try:
        frame = _read_parquet(path, columns) if parquet else _read_text(path, columns or Columns())
    except LedgerError:
        raise
    except UnicodeDecodeError as error:
        raise LedgerError(f"{path} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    except (ValueError, OSError, EOFError, zlib.error) as error:  # pandas' and pyarrow's own are of these
        raise LedgerError(f"{path} cannot be read as {path.suffix[1:]}: {error}") from error
    if percent:
        for name in [name for name in map(str, frame) if _is_share(name)]:
            frame[name] = pd.to_numeric(frame[name], errors="coerce") / 100
    return check_ledger(frame, targets=targets)


def check_ledger(frame: pd.DataFrame, *, targets: bool = True) -> pd.DataFrame:
    """Copy a ledger with numeric columns as float64, `converged` as bool, and the targets computed that it lacks.

    Values of a hyperparameter that differ by rounding become one level. With `targets` a target is required.

    Raises:
        LedgerError: a required column is missing, a run_id appears twice, a cell is not of its column's type, or a
            share is in percent.
    """
    doubled = frame.columns[frame.columns.duplicated()]
    if len(doubled):
        raise LedgerError(f"Column names must be unique; {doubled[0]!r} appears twice.")
    if frame.empty:
        raise LedgerError("The ledger has no rows; it needs one for each trained network.")
    ledger = frame.reset_index(drop=True).copy()  # in one piece, here and below, since columns are added to it
    for kind, what in (("hp.", "hyperparameter"), ("measure.", "complexity measure")):
        if not any(str(column).startswith(kind) for column in ledger):
            raise LedgerError(
                f"The ledger has no column {kind}<name>; it needs one for each {what}. Rename the columns, or map them "
                f"with --{kind[:-1]} NAMES."
            )
        if kind in ledger:
            raise LedgerError(f"A {what} needs a name after {kind!r}; got a column {kind!r}.")
    _require_values(ledger)
    if "run_id" not in ledger:
        ledger.insert(0, "run_id", [f"row_{place}" for place in range(len(ledger))])
    ledger["run_id"] = ledger["run_id"].astype(str)
    twice = ledger.loc[ledger["run_id"].duplicated(), "run_id"]
    if len(twice):
        raise LedgerError(f"run_id must be unique; {twice.iloc[0]!r} appears twice. Keep one row for each network.")
    complete = with_targets(ledger.assign(**_converted(ledger)).copy(), required=targets)
    _require_shares(complete)
    _require_sizes(complete)
    return complete


def names_of(ledger: pd.DataFrame, kind: Literal["hp", "measure"]) -> list[str]:
    """The names of the hyperparameters, as `hp.<name>`, or of the measures, as `<name>`, in the columns' order."""
    columns = [str(column) for column in ledger if str(column).startswith(f"{kind}.")]
    return columns if kind == "hp" else [column.removeprefix("measure.") for column in columns]


def _is_numeric(name: str) -> bool:
    return name in NUMBERS or name.startswith(NUMERIC) or is_of_a_target(name)


def _is_share(name: str) -> bool:
    return name in ACCURACIES or (is_target(name) and is_share(name))


def _read_text(path: Path, columns: Columns) -> pd.DataFrame:
    text = inspect_text(path)
    names = columns.rename(text.header)
    frame = read_text(path, text, [_is_numeric(name) for name in names])
    frame.columns = pd.Index(names)
    return frame


def _read_parquet(path: Path, columns: Columns | None) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    if columns is not None:
        frame.columns = pd.Index(columns.rename([str(name) for name in frame.columns]))
    return frame


def _converted(ledger: pd.DataFrame) -> "dict[str, pd.Series[Any]]":
    """The columns that change: numbers as float64, `converged` as bool, hyperparameters without rounding."""
    others = [str(column) for column, kind in ledger.dtypes.items() if kind != np.float64]
    numeric = [column for column in others if _is_numeric(column)]
    converted: dict[str, pd.Series[Any]] = {column: _numbers(ledger, column) for column in numeric}
    if "converged" in ledger:
        converted["converged"] = _truth(ledger)
    floats = [column for column in names_of(ledger, "hp") if ledger[column].dtype.kind == "f"]
    return converted | {column: _merge_levels(ledger[column]) for column in floats}


def _merge_levels(values: "pd.Series[float]") -> "pd.Series[float]":
    """Replace numbers that differ by rounding, as 0.3 and 3 * 0.1, by the smallest of them."""
    levels = np.unique(values.to_numpy(dtype=np.float64))
    levels = levels[np.isfinite(levels)]
    apart = np.diff(levels) > SAME_LEVEL * np.maximum(np.abs(levels[1:]), np.abs(levels[:-1]))
    if apart.all():
        return values
    first = levels[np.concatenate([[True], apart])]
    smallest = first[np.cumsum(np.concatenate([[False], apart]))]
    return values.replace(dict(zip(levels.tolist(), smallest.tolist(), strict=True)))


def _require_shares(ledger: pd.DataFrame) -> None:
    for column in [name for name in map(str, ledger) if _is_share(name)]:
        least = 0 if column in ACCURACIES else int(limits_of(column)[0])
        values = ledger[column].where(np.isfinite(ledger[column]))
        bad = ledger.index[(values < least - ROUNDING) | (values > 1 + ROUNDING)]
        if len(bad):
            value, run_id = values[bad[0]], ledger.loc[bad[0], "run_id"]
            raise LedgerError(
                f"{column} must be a share between {least} and 1; got {value:g} for {run_id}. If it is in percent, "
                "divide by 100 or pass --percent."
            )


def _require_sizes(ledger: pd.DataFrame) -> None:
    """Refuse numbers of test examples below one or without end."""
    for column in [name for name in map(str, ledger) if name == "test_size" or name.startswith(SIZE)]:
        bad = ledger.index[ledger[column].notna() & ~ledger[column].between(1, MOST_EXAMPLES)]
        if len(bad):
            value, run_id = ledger.loc[bad[0], column], ledger.loc[bad[0], "run_id"]
            raise LedgerError(
                f"{column} must be a number of test examples, from 1 on; got {value:g} for {run_id}. Leave it empty "
                "where it is not known."
            )


def _require_values(ledger: pd.DataFrame) -> None:
    """Refuse hyperparameters that cannot be compared for equality, such as lists."""
    for column in names_of(ledger, "hp"):
        if ledger[column].dtype == np.dtype(object):
            bad = next((value for value in ledger[column] if not isinstance(value, Hashable)), None)
            if bad is not None:
                raise LedgerError(f"{column} must contain numbers or text; got {bad!r}. Write it as text.")


def _numbers(ledger: pd.DataFrame, column: str) -> "pd.Series[float]":
    values = ledger[column]
    if values.dtype.kind in "mM":  # of which pandas would take the nanoseconds
        values = values.astype(str)
    if not pd.api.types.is_numeric_dtype(values):  # as in a column of whole numbers of more than 64 bits
        values = values.map(lambda value: str(value) if type(value) is int else None if value in EMPTY else value)
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    bad = values[numbers.isna() & values.notna()]
    if len(bad):
        run_id = ledger.loc[bad.index[0], "run_id"]
        hint = "Remove thousands separators" if THOUSANDS.fullmatch(str(bad.iloc[0])) else "Leave missing values empty"
        raise LedgerError(f"{column} must contain numbers; got {bad.iloc[0]!r} for {run_id}. {hint}.")
    return numbers


def _truth(ledger: pd.DataFrame) -> "pd.Series[bool]":
    words = ledger["converged"].astype(str).str.lower()
    unknown = words[~words.isin(list(TRUTH))]
    if len(unknown):
        run_id = ledger.loc[unknown.index[0], "run_id"]
        raise LedgerError(f"converged must be true or false; got {unknown.iloc[0]!r} for {run_id}.")
    return words.map(TRUTH).astype(bool)
