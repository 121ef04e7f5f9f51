"""Snapshot of a zoo's ledger: `ledger.parquet`, which `rank` and `page` read without torch while it is up to date.

The file holds a digest of the rows that it was made from. If the SQLite ledger has other rows now, the snapshot is not
used, and the ledger is read through `harness.store.store`, which imports torch.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pandas as pd

from harness.errors import HarnessError
from harness.store.atomic_write import written_whole
from harness.store.provenance import Provenance

LEDGER: Final = "ledger.sqlite"
FILE: Final = "ledger.parquet"
KEY: Final = "gapbench"  # in the attributes of the table
TABLES: Final = {  # columns that the snapshot depends on
    "runs": "run_id, recipe, record, provenance, created",
    "scores": "run_id, measure, version, outcome, value, seconds, why, source_hash",
    "measures": "measure, metadata",
    "observations": "run_id, observation, observed",
}


class NoZooError(HarnessError):
    """A directory holds no zoo."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A zoo as `rank` and `page` need it.

    Attributes:
        ledger: one row a network.
        provenance: of the zoo.
        metadata: stored for each measure when it was computed, by name.
        curves: loss of each epoch of each network, by run_id.
    """

    ledger: pd.DataFrame
    provenance: Provenance
    metadata: Mapping[str, Mapping[str, object]]
    curves: Mapping[str, tuple[float, ...]]


def require_zoo(folder: Path) -> None:
    """Refuse a directory without a ledger.

    Raises:
        NoZooError: it has none.
    """
    if not (folder / LEDGER).is_file():
        raise NoZooError(
            f"{folder} must be a zoo's directory; it holds no ledger. Make one: gapbench run digits --out {folder}."
        )


def write_snapshot(folder: Path, ledger: pd.DataFrame, provenance: Provenance) -> None:
    """Write the ledger of a zoo as Parquet, with its provenance and the digest of the rows that it was made from."""
    with closing(_connect(folder)) as connection:
        marked = ledger.copy(deep=False)
        marked.attrs = {KEY: {"digest": _digest(connection), "provenance": json.dumps(provenance)}}
    with written_whole(folder / FILE) as temporary:
        marked.to_parquet(temporary, index=False)


def read_snapshot(folder: Path) -> Snapshot | None:
    """Read the ledger of a zoo from Parquet; None where it is missing, damaged or older than the SQLite ledger."""
    try:
        ledger = pd.read_parquet(folder / FILE)
        mark = ledger.attrs.pop(KEY)
        with closing(_connect(folder)) as connection:
            if mark["digest"] != _digest(connection):
                return None
            metadata = {name: json.loads(text) for name, text in connection.execute("SELECT * FROM measures")}
            curves = dict(_curves(connection))
        return Snapshot(ledger, json.loads(mark["provenance"]), metadata, curves)
    except (OSError, ValueError, LookupError, sqlite3.Error):
        return None  # the ledger itself is read, which names what is damaged


def _connect(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{(folder / LEDGER).absolute().as_uri()}?mode=ro", uri=True)


def _digest(connection: sqlite3.Connection) -> str:
    digest = hashlib.sha256(version("gapbench").encode())
    for table, columns in TABLES.items():
        for row in connection.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}"):  # noqa: S608  names above
            digest.update(repr(row).encode())
    return digest.hexdigest()


def _curves(connection: sqlite3.Connection) -> Iterator[tuple[str, tuple[float, ...]]]:
    for run_id, record in connection.execute("SELECT run_id, record FROM runs ORDER BY run_id"):
        yield run_id, tuple(json.loads(record).get("losses", ()))
