"""Table of networks that were trained elsewhere: one row a checkpoint."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from harness.adopting.errors import AdoptError
from harness.store.adopted import Cell
from leaderboard.errors import LedgerError
from leaderboard.ledger.delimited import EMPTY, SUFFIXES, inspect_text, is_delimited, read_text
from measures.errors import suggestion

COLUMNS: Final = {
    "checkpoint": "path of the weights",
    "name": "of the network, unique",
    "model": "FILE.py:FUNCTION or LIBRARY:NAME, in place of --model",
    "data": "in place of --data",
    "initial": "path of the weights at initialization",
    "twin": "name of a network of the same recipe from another seed",
    "checkpoints": "paths of the weights along training, separated by semicolons",
    "losses": "mean training loss of each epoch, separated by semicolons",
    "learning_rates": "of each epoch, separated by semicolons",
    "steps": "number of optimizer steps",
    "batch_size": "examples a step",
    "seed": "replicate",
    "train_accuracy": "share in [0, 1]",
    "test_accuracy": "share in [0, 1]",
}
HYPERPARAMETER, ARGUMENT = "hp.", "arg."
UNSAFE: Final = re.compile(r"[^A-Za-z0-9._+=-]+")  # in the name of a folder
SHARES: Final = ("train_accuracy", "test_accuracy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A network of the table.

    Attributes:
        name: unique; also the name of its folder in the zoo.
        checkpoint: path of its weights.
        model, data: what builds it and what it was trained on, where the table says so; empty otherwise.
        initial: path of its weights at initialization; None where they are not known.
        twin: name of another row; empty for none.
        checkpoints: paths of its weights along training.
        losses, learning_rates: of each epoch; empty where they are not known.
        steps, batch_size: of its training; None where they are not known.
        seed: replicate.
        accuracies: those that the table states, by name.
        hyperparameters: by name.
        arguments: keyword arguments of the factory.
    """

    name: str
    checkpoint: Path
    model: str = ""
    data: str = ""
    initial: Path | None = None
    twin: str = ""
    checkpoints: tuple[Path, ...] = ()
    losses: tuple[float, ...] = ()
    learning_rates: tuple[float, ...] = ()
    steps: int | None = None
    batch_size: int | None = None
    seed: int = 0
    accuracies: Mapping[str, float] = field(default_factory=dict)
    hyperparameters: Mapping[str, Cell] = field(default_factory=dict)
    arguments: Mapping[str, Cell] = field(default_factory=dict)


def read_table(path: Path) -> list[Row]:
    """Read the table; paths in it start in its folder.

    Raises:
        AdoptError: it cannot be read, has an unknown column, lacks checkpoints, or has two networks of one name.
    """
    frame = _read(path)
    known = [*COLUMNS, *(name for name in frame.columns if name.startswith((HYPERPARAMETER, ARGUMENT)))]
    if foreign := [name for name in frame.columns if name not in known]:
        raise AdoptError(
            f"{path} has the unknown column {foreign[0]!r}. {suggestion(foreign[0], COLUMNS)} A hyperparameter is "
            f"hp.{foreign[0]}, an argument of the factory arg.{foreign[0]}."
        )
    if "checkpoint" not in frame.columns:
        raise AdoptError(f"{path} must have the column checkpoint, {COLUMNS['checkpoint']}.")
    if frame.empty:
        raise AdoptError(f"{path} must have a row for each network; it has none.")
    rows = [
        _row(path, number, {str(k): v for k, v in cells.items()})
        for number, cells in enumerate(frame.to_dict("records"), 2)
    ]
    _require_unique(path, rows)
    return rows


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise AdoptError(f"There is no table {path}.")
    if not is_delimited(path):
        raise AdoptError(f"{path} must be a table of text ({', '.join(SUFFIXES)}).")
    try:
        text = inspect_text(path)
        numeric = [name in SHARES or name.startswith((HYPERPARAMETER, ARGUMENT)) for name in text.header]
        return read_text(path, text, numeric)
    except (LedgerError, UnicodeDecodeError, pd.errors.ParserError, OSError) as error:
        raise AdoptError(f"{path} cannot be read: {str(error).removesuffix('.')}.") from error


def _row(path: Path, number: int, given: Mapping[str, object]) -> Row:
    cells = {name: cell for name, value in given.items() if (cell := _cell(value)) is not None}
    where = f"Row {number} of {path}"
    if "checkpoint" not in cells:
        raise AdoptError(f"{where} names no checkpoint. Delete the row, or write the path of its weights.")
    checkpoint = str(cells["checkpoint"])
    steps, batch_size, seed = (_whole(cells, name, where) for name in ("steps", "batch_size", "seed"))
    losses, rates = _numbers(cells, "losses", where), _numbers(cells, "learning_rates", where)
    along = (cells.get("checkpoints"), losses, rates, steps, batch_size)
    if any(along) and not (all(along[1:]) and len(losses) == len(rates) and "initial" in cells):
        raise AdoptError(
            f"{where}: measures along training need the columns initial, losses and learning_rates (a number for each "
            f"epoch), steps and batch_size; got {len(losses)} losses and {len(rates)} learning rates, steps={steps}, "
            f"batch_size={batch_size}. Fill all of them, or none."
        )
    return Row(
        name=UNSAFE.sub("-", str(cells.get("name", str(Path(checkpoint).with_suffix(""))))).strip("-."),
        checkpoint=path.parent / checkpoint,
        model=_from_table(str(cells.get("model", "")), path),
        data=_from_table(str(cells.get("data", "")), path),
        initial=path.parent / str(cells["initial"]) if "initial" in cells else None,
        twin=UNSAFE.sub("-", str(cells.get("twin", ""))).strip("-."),
        checkpoints=tuple(path.parent / part.strip() for part in str(cells.get("checkpoints", "")).split(";") if part),
        losses=losses,
        learning_rates=rates,
        steps=steps,
        batch_size=batch_size,
        seed=seed or 0,
        accuracies={name: _share(cells[name], name, where) for name in SHARES if name in cells},
        hyperparameters=_named(given, HYPERPARAMETER),
        arguments={name: value for name, value in _named(given, ARGUMENT).items() if value is not None},
    )


def _from_table(text: str, path: Path) -> str:
    """A file of the table's folder, named with its folder."""
    where, separator, function = text.rpartition(":")
    return f"{path.parent / where}{separator}{function}" if where.endswith(".py") else text


def _cell(value: object) -> Cell:
    """A value of pandas as a plain one; None for an empty cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, str) and value in EMPTY):
        return None
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float) and plain.is_integer() and abs(plain) < 2**53:
        return int(plain)
    return plain if isinstance(plain, str | int | float | bool) else str(plain)


def _named(given: Mapping[str, object], prefix: str) -> dict[str, Cell]:
    return {name.removeprefix(prefix): _cell(value) for name, value in given.items() if name.startswith(prefix)}


def _whole(cells: Mapping[str, Cell], name: str, where: str) -> int | None:
    value = cells.get(name)
    if value is None or isinstance(value, int):
        return value
    raise AdoptError(f"{where} must give a whole number as {name}; got {value!r}.")


def _numbers(cells: Mapping[str, Cell], name: str, where: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in str(cells.get(name, "")).split(";") if part.strip())
    except ValueError as error:
        raise AdoptError(
            f"{where} must give numbers separated by semicolons as {name}; got {cells[name]!r}."
        ) from error


def _share(value: Cell, name: str, where: str) -> float:
    if isinstance(value, int | float) and 0 <= value <= 1:
        return float(value)
    raise AdoptError(f"{where} must give {name} as a share from 0 to 1; got {value!r}. Divide percentages by 100.")


def _require_unique(path: Path, rows: list[Row]) -> None:
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        if not row.name:
            raise AdoptError(f"Row {number} of {path} must have a name of letters or digits.")
        if row.name in seen:
            raise AdoptError(
                f"Rows {seen[row.name]} and {number} of {path} are both called {row.name!r}. Give each a name, in the "
                "column name."
            )
        seen[row.name] = number
    if lost := next((row for row in rows if row.twin and row.twin not in seen), None):
        raise AdoptError(f"{lost.name} of {path} has the twin {lost.twin!r}. {suggestion(lost.twin, seen)}")
    if own := next((row for row in rows if row.twin == row.name), None):
        raise AdoptError(f"{own.name} of {path} must have another network as its twin; it names itself.")
