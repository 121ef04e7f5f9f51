"""Ledgers of earlier versions must load, rank and export as they did; they are never regenerated."""

import json
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from harness.store.store import Store
from tests.harness.conftest import Gapbench

GOLDEN = Path(__file__).parents[2] / "golden"
VERSIONS = sorted(ledger.parent.name for ledger in GOLDEN.glob("*/ledger.sqlite"))


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an old zoo, without weights."""
    return Path(shutil.copytree(GOLDEN / request.param, tmp_path / "old"))


def test_an_old_ledger_loads_whole(old: Path) -> None:
    """Every row and every score, and nothing to repair."""
    with sqlite3.connect(old / "ledger.sqlite") as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("runs", "scores")]  # noqa: S608  two names
    connection.close()
    with Store(old) as store:
        assert [len(store.runs()), len(list(store.scores()))] == counts
        assert store.repairs == []
    assert min(counts) >= 2


def test_an_old_ledger_exports_as_it_did(old: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """Its columns may become more; none changes."""
    result = gapbench("export", old, "-o", tmp_path / "new.csv")
    before, now = pd.read_csv(old / "ledger.csv"), pd.read_csv(tmp_path / "new.csv")

    assert result.exit_code == 0, result.output
    pd.testing.assert_frame_equal(now[before.columns], before)


@pytest.mark.parametrize("name", [".", "ledger.csv"])
def test_an_old_ledger_ranks(old: Path, name: str, gapbench: Gapbench) -> None:
    """As a zoo and as CSV; ranking needs no weights."""
    result = gapbench("rank", old / name)

    assert result.exit_code == 0, result.output
    assert "2 networks" in result.stdout
    assert "param_norm" in result.stdout


@pytest.mark.parametrize("name", [".", "ledger.csv"])
def test_an_old_ledger_ranks_to_the_same_figures(old: Path, name: str, gapbench: Gapbench) -> None:
    """Every statistic that was stored of its measures; new statistics may join them."""
    stored = json.loads((old / "figures.json").read_text(encoding="utf-8"))
    result = gapbench("rank", old / name, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["measures"]

    for measure, figures in stored.items():
        assert {key: found[measure][key] for key in figures} == pytest.approx(figures, rel=1e-9)


def test_a_ledger_from_before_measures_were_described_loads(old: Path, gapbench: Gapbench) -> None:
    """The catalogue describes what it knows."""
    with sqlite3.connect(old / "ledger.sqlite") as connection:
        connection.execute("DROP TABLE IF EXISTS measures")
    connection.close()

    assert gapbench("rank", old).exit_code == 0
