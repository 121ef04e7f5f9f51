"""A snapshot is used while the ledger has the rows that it was made from, and then says what the ledger says."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from harness.reports.ranking import read_zoo
from harness.store.snapshot import FILE, LEDGER, NoZooError, read_snapshot
from harness.store.store import Store
from harness.store.to_ledger import curves_of, frame_of, provenance_of

CHANGES = {
    "another score": "UPDATE scores SET value = value + 1 WHERE rowid = (SELECT MIN(rowid) FROM scores)",
    "a score less": "DELETE FROM scores WHERE rowid = (SELECT MIN(rowid) FROM scores)",
    "another record": "UPDATE runs SET record = record || ' '",
    "another machine": "UPDATE runs SET provenance = '{}'",
    "another version": "UPDATE measures SET metadata = '{}'",
    "an observation": "INSERT INTO observations VALUES ('a', 'b', '{}')",
}


def change(zoo: Path, statement: str) -> None:
    """Change a ledger as another command would."""
    with closing(sqlite3.connect(zoo / LEDGER)) as connection, connection:
        connection.execute(statement)


def test_a_fresh_snapshot_is_what_the_ledger_says(finished: Path) -> None:
    """Table, provenance, metadata and curves."""
    snapshot = read_snapshot(finished)
    with Store(finished) as store:
        expected = frame_of(store), provenance_of(store), store.metadata(), curves_of(store)

    assert snapshot is not None
    pd.testing.assert_frame_equal(snapshot.ledger, expected[0], check_dtype=False)
    assert (snapshot.provenance, snapshot.metadata, snapshot.curves) == expected[1:]
    assert min(len(losses) for losses in expected[3].values()) > 0


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_a_snapshot_of_other_rows_is_not_used(zoo: Path, statement: str) -> None:
    """The ledger is read instead."""
    assert read_snapshot(zoo) is not None
    change(zoo, statement)
    assert read_snapshot(zoo) is None


@pytest.mark.parametrize("damage", ["gone", "cut", "another file", "no ledger"])
def test_what_cannot_be_read_is_no_snapshot(zoo: Path, damage: str) -> None:
    """Nor is a Parquet file that somebody else wrote."""
    path = zoo / FILE
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "another file":
        pd.DataFrame({"a": [1]}).to_parquet(path)
    else:
        (zoo / LEDGER).write_text("no database")
    assert read_snapshot(zoo) is None


def test_the_ledger_is_read_where_the_snapshot_is_old(zoo: Path) -> None:
    """With what was changed since."""
    change(zoo, "UPDATE scores SET value = 7.5 WHERE measure = 'fro_dist'")

    assert read_zoo(zoo, Console(quiet=True)).ledger["measure.fro_dist"].tolist() == [7.5] * 4
    assert set(json.loads((zoo / "leaderboard.json").read_text())["measures"]) >= {"fro_dist"}


def test_a_folder_without_a_ledger_is_no_zoo(tmp_path: Path) -> None:
    """It says how to make one."""
    with pytest.raises(NoZooError, match="Make one: gapbench run"):
        read_zoo(tmp_path, Console(quiet=True))
