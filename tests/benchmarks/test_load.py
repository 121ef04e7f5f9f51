"""The load command at a tiny size: every network and score is written by the first step, and none by the second."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.benchmarks.load import grid, measure


def test_the_steps_write_once_and_read(tmp_path: Path) -> None:
    """Six networks, three measures, two workers."""
    costs, ids = [], []
    for step in ("write", "again", "read"):
        costs.append(measure(step, 6, 3, 2, tmp_path))
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection:
            ids.append([connection.execute(f"SELECT rowid FROM {table}").fetchall() for table in ("runs", "scores")])  # noqa: S608

    assert [len(rows) for rows in ids[0]] == [6, 18]
    assert ids[0] == ids[1] == ids[2], "a row that is written again has another rowid"
    assert [(cost.networks, cost.cells) for cost in costs] == [(6, 18)] * 3
    assert all(cost.seconds > 0 and cost.peak > 10_000_000 for cost in costs)


def test_a_larger_grid_contains_a_smaller_one() -> None:
    """No recipe twice; widths grow last."""
    assert grid(1200)[:100] == grid(100)
    assert len({recipe.run_id for recipe in grid(1200)}) == 1200
