"""Read tables of text as programs write them: separators, decimal commas, packed files and words for "no number"."""

import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO, cast

import pandas as pd

from leaderboard.errors import LedgerError

SUFFIXES: Final = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
SEPARATORS: Final = (",", ";", "\t")
EMPTY: Final = (
    "", "NaN", "nan", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "-", "\u2013", "\u2014",
)  # fmt: skip  # how programs and people write "no number"; text keeps all but ""
DECIMAL_POINT: Final = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?", re.IGNORECASE)
DECIMAL_COMMA: Final = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Text:
    """Form of a table of text.

    Attributes:
        header: the names of the columns.
        separator: between cells.
        decimal: the decimal mark, a point or a comma.
    """

    header: list[str]
    separator: str
    decimal: str


def is_delimited(path: Path) -> bool:
    """Whether the name is that of a table of text."""
    return path.name.lower().endswith(SUFFIXES)


def inspect_text(path: Path) -> Text:
    """Find the separator, the decimal mark and the header of a table, and check that every row has all cells.

    The separator is the one that gives the header most columns. Where it is no comma, numbers may have decimal commas.

    Raises:
        LedgerError: a row of another number of cells, decimal points and commas in one table, or a column name twice.
        UnicodeDecodeError: it is not UTF-8.
    """
    with _opened(path) as file:
        first = file.readline()
    headers = {separator: next(csv.reader([first], delimiter=separator), []) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda each: len(headers[each]))
    header = [name.strip() for name in headers[separator]]
    comma = point = None
    with _opened(path) as file:
        rows = csv.reader(file, delimiter=separator, skipinitialspace=True)
        next(rows, None)
        for number, row in enumerate(rows, start=2):
            if row and len(row) != len(header):
                raise LedgerError(
                    f"Row {number} of {path} has {len(row)} cells, the header has {len(header)}. Is the file truncated?"
                )
            if separator != ",":
                comma = comma or _first(DECIMAL_COMMA, row)
                point = point or _first(DECIMAL_POINT, row)
    if comma and point:
        raise LedgerError(
            f"{path} must write all numbers with one decimal mark; got {comma!r} and {point!r}. Replace the commas by "
            "points."
        )
    repeated = next((name for place, name in enumerate(header) if name in header[:place]), None)
    if repeated is not None:
        raise LedgerError(f"Column names must be unique; {repeated!r} appears twice.")
    return Text(header, separator, "," if comma else ".")


def read_text(path: Path, text: Text, numeric: Sequence[bool]) -> pd.DataFrame:
    """Read a table; `numeric` says of each column whether words such as N/A mean that it has no number."""
    with _opened(path) as file:
        return pd.read_csv(
            file,
            sep=text.separator,
            decimal=text.decimal,
            skipinitialspace=True,
            header=0,
            names=text.header,
            index_col=False,
            keep_default_na=False,
            na_values={
                name: list(EMPTY) if number else [""] for name, number in zip(text.header, numeric, strict=True)
            },
            dtype={"run_id": str},
        )


def _first(pattern: re.Pattern[str], row: Sequence[str]) -> str | None:
    return next((cell for cell in row if pattern.fullmatch(cell.strip())), None)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    packed = path.name.lower().endswith(".gz")
    opener = gzip.open if packed else open
    with opener(path, "rt", newline="", encoding="utf-8-sig") as file:  # some programs write a byte order mark
        yield cast("TextIO", file)
