"""The union of zoos: three shards are the whole, and what does not fit together is refused and named."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from harness.store.merge import MergeError, merge
from harness.store.store import Store
from harness.store.to_ledger import frame_of
from tests.harness.conftest import Gapbench

SUITE = ("smoke", "--limit", "6")
MEASURES = ("--measures", "l2,gde_disagreement")


def numbers(folder: Path) -> pd.DataFrame:
    """The ledger of a zoo without seconds, in the order of ids."""
    with Store(folder) as store:
        frame = frame_of(store)
    kept = [name for name in frame.columns if name != "seconds" and not name.startswith("cost.")]
    return frame[sorted(kept)].sort_values("run_id", ignore_index=True)


def rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a ledger by table."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}  # noqa: S608


def change(folder: Path, statement: str, *values: object) -> None:
    """Execute a statement on a ledger."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection, connection:
        connection.execute(statement, values)


def make(gapbench: Gapbench, folder: Path, *options: str) -> str:
    """Train and score; what was printed."""
    printed = ""
    for step in (("train", *SUITE, "--fleet", "1"), ("score", *SUITE, *MEASURES)):
        result = gapbench(*step, "--executor", "local", "--out", folder, *options)
        assert result.exit_code == 0, result.output
        printed += result.output
    return printed


@pytest.fixture(scope="module")
def shards(gapbench: Gapbench, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The shards of a suite of three recipes with two seeds each."""
    folder = tmp_path_factory.mktemp("shards")
    folders = [folder / f"shard-{index}" for index in (1, 2, 3)]
    for index, shard in enumerate(folders, 1):
        make(gapbench, shard, "--shard", f"{index}/3")
    return folders


@pytest.fixture
def copies(shards: list[Path], tmp_path: Path) -> list[Path]:
    """Copies of the shards, to be changed."""
    return [Path(shutil.copytree(shard, tmp_path / shard.name)) for shard in shards]


def test_three_shards_are_the_whole(shards: list[Path], gapbench: Gapbench, tmp_path: Path) -> None:
    """Ids and figures, with the measures that compare seeds; the same command finds nothing to do there."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    make(gapbench, whole)
    result = gapbench("merge", *shards, "--out", out)
    assert result.exit_code == 0, result.output
    assert "6 networks and 12 scores of 3 zoos were added" in result.output

    pd.testing.assert_frame_equal(numbers(out), numbers(whole), rtol=1e-4)
    before = rows(out)
    assert make(gapbench, out) == ""
    assert rows(out) == before


def test_rows_are_copied_as_they_are_and_only_once(shards: list[Path], tmp_path: Path) -> None:
    """Dates, seconds and digests stay; a second merge adds nothing."""
    out = tmp_path / "out"
    merge(shards, out)
    union = rows(out)
    for table, merged in union.items():
        parts = [row for shard in shards for row in rows(shard)[table]]
        assert merged == sorted(set(parts), key=repr), table
    again = merge(shards, out)

    assert (again.networks, again.scores, again.left_out) == (0, 0, [])
    assert rows(out) == union


def test_parts_of_the_same_zoo_are_joined_cell_by_cell(copies: list[Path], tmp_path: Path) -> None:
    """A score replaces a failure and fills a gap, whatever the order."""
    whole = numbers(copies[0])
    one, other = copies[0], Path(shutil.copytree(copies[0], tmp_path / "other"))
    change(one, "DELETE FROM scores WHERE measure = 'l2'")
    change(other, "UPDATE scores SET outcome = 'failed', value = NULL WHERE measure = 'gde_disagreement'")
    for name, order in (("forth", [one, other]), ("back", [other, one])):
        merge(order, tmp_path / name)
        pd.testing.assert_frame_equal(numbers(tmp_path / name), whole)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE scores SET value = value + 1 WHERE measure = 'l2'", "l2 of run"),
        ("UPDATE runs SET record = json_set(record, '$.test_accuracy', 0.125)", "test_accuracy of run"),
        ("UPDATE scores SET source_hash = 'other' WHERE measure = 'l2'", "from different code"),
    ],
)
def test_other_figures_of_the_same_network_are_refused(
    statement: str, named: str, copies: list[Path], gapbench: Gapbench, tmp_path: Path
) -> None:
    """One sentence that names it, exit status 2, and no row of any zoo is merged."""
    other = Path(shutil.copytree(copies[0], tmp_path / "other"))
    change(other, statement)
    result = gapbench("merge", *copies, other, "--out", tmp_path / "out")

    assert result.exit_code == 2
    assert named in result.stderr
    assert f"{copies[0]} and" in result.stderr
    assert f"{other}" in result.stderr
    assert not any(rows(tmp_path / "out").values())


def test_what_is_damaged_or_unfinished_is_left_out_and_named(copies: list[Path], tmp_path: Path) -> None:
    """A weight file that was cut, a folder without a row, a temporary file, a score without a value."""
    first, second = sorted(path.name for path in (copies[0] / "runs").iterdir())
    weights = copies[0] / "runs" / first / "final.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    (copies[0] / "runs" / second / ".final.safetensors.123").write_bytes(b"half")
    shutil.copytree(copies[0] / "runs" / second, copies[0] / "runs" / "unfinished")
    change(copies[0], "UPDATE scores SET value = NULL WHERE measure = 'l2'")
    merged = merge(copies[:1], tmp_path / "out")

    assert (merged.networks, merged.scores) == (1, 1)
    (sentence,) = merged.left_out
    assert f"Run {first} is left out" in sentence
    assert [path.name for path in (tmp_path / "out" / "runs").iterdir()] == [second]
    assert not list((tmp_path / "out" / "runs" / second).glob(".*"))


def test_zoos_of_different_secrets_are_refused(copies: list[Path], tmp_path: Path) -> None:
    """A held-out zoo and a public one."""
    secret = json.dumps({"suite": "smoke", "fingerprint": "abc"})
    change(copies[1], "UPDATE runs SET provenance = json_set(provenance, '$.held_out', json(?))", secret)
    with pytest.raises(MergeError, match="must be of one secret or both public"):
        merge(copies, tmp_path / "out")


def test_directories_that_cannot_be_merged(shards: list[Path], gapbench: Gapbench, tmp_path: Path) -> None:
    """One that holds no zoo, and the target among the sources."""
    result = gapbench("merge", tmp_path / "nothing", "--out", tmp_path / "out")
    assert (result.exit_code, "holds no ledger" in result.stderr) == (2, True)
    result = gapbench("merge", *shards, "--out", shards[0])
    assert (result.exit_code, "--out must be another directory" in result.stderr) == (2, True)
    assert not (tmp_path / "out").exists()
