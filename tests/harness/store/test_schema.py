"""A ledger that is damaged, locked or gone: the runs come back, and nothing is deleted."""

import functools
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from harness.store.store import Store, StoreError
from harness.store.weights import PackedRun
from tests.harness.store.storing import SCORE, damage, filled


def spoil(path: Path, how: str) -> None:
    """Make a ledger one that cannot be read."""
    content = path.read_bytes()
    match how:
        case "text":
            path.write_text("This is no database, and long enough to see it.\n" * 20)
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "foreign":
            path.unlink()
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE songs (title TEXT)")
            connection.close()
        case "other columns":
            path.unlink()
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE runs (distance REAL)")
            connection.close()
        case "zeros":
            path.write_bytes(content[:4096] + bytes(len(content) - 4096))
        case _:
            path.write_bytes(content[: int(how)])


@pytest.mark.parametrize("how", ["text", "empty", "gone", "foreign", "other columns", "zeros", "50", "1000", "9000"])
def test_runs_are_read_back_where_the_ledger_is_lost(tmp_path: Path, packed: PackedRun, how: str) -> None:
    """Recipe, record, provenance and weights from the weight files; the damaged file stays, under another name."""
    run_id = filled(tmp_path, packed)
    with Store(tmp_path) as store:
        expected = store.runs()[run_id]
    spoil(tmp_path / "ledger.sqlite", how)
    spoiled = (tmp_path / "ledger.sqlite").read_bytes() if how != "gone" else None

    with Store(tmp_path) as store:
        assert replace(store.runs()[run_id], created=expected.created) == expected
        assert store.weight_files(run_id)[1].content() == packed.final
        assert len(store.repairs) == 1
        assert str(tmp_path / "ledger.sqlite") in store.repairs[0]
    aside = [file.read_bytes() for file in tmp_path.glob("ledger.damaged-*.sqlite")]
    assert aside == ([] if how in ("empty", "gone") else [spoiled])

    with Store(tmp_path) as store:
        assert store.repairs == [], "it is reported once"
        assert list(store.runs()) == [run_id]


def test_folders_that_hold_no_run_are_named_when_the_ledger_is_lost(tmp_path: Path, packed: PackedRun) -> None:
    """Stray, half written, of another name, of another program: none is taken for a run, and the good one is."""
    run_id = filled(tmp_path, packed)
    runs = tmp_path / "runs"
    for name in ("stray", "other-name", "half", "headless", "cut"):
        shutil.copytree(runs / run_id, runs / name)
    for file in (runs / "stray").iterdir():
        file.unlink()
    (runs / "half" / "final.safetensors").unlink()
    headless = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"  # a safetensors file without tensors and without metadata
    (runs / "headless" / "final.safetensors").write_bytes(headless)
    damage(runs / "cut" / "final.safetensors", "cut")
    (runs / "a-file").write_text("not a folder")
    (tmp_path / "ledger.sqlite").unlink()

    with Store(tmp_path) as store:
        assert list(store.runs()) == [run_id]
        named = "\n".join(store.repairs)
    assert all(
        f"runs/{name} cannot be read back" in named for name in ("stray", "other-name", "half", "headless", "cut")
    )
    assert f"its recipe is that of {run_id}" in named


def test_what_a_killed_program_had_committed_is_there(tmp_path: Path, packed: PackedRun) -> None:
    """Rows that lie only in the write-ahead log, beside a ledger that nobody closed."""
    with Store(tmp_path / "killed") as store:
        run_id = store.add_run(packed)
        store.add_scores(run_id, {"param_norm": SCORE})
        assert (tmp_path / "killed" / "ledger.sqlite-wal").stat().st_size > 0
        shutil.copytree(tmp_path / "killed", tmp_path / "left")

    with Store(tmp_path / "left") as store:
        assert list(store.runs()) == [run_id]
        assert [score for _, _, score in store.scores()] == [SCORE]
        assert store.repairs == []


def test_a_log_of_a_damaged_ledger_is_not_played_into_the_new_one(tmp_path: Path, packed: PackedRun) -> None:
    """A log that a killed program left beside a ledger that is no more: its scores do not come back, its run does."""
    with Store(tmp_path / "killed") as store:
        run_id = store.add_run(packed)
        store.add_scores(run_id, {"param_norm": SCORE})
        shutil.copytree(tmp_path / "killed", tmp_path / "left")
    (tmp_path / "left" / "ledger.sqlite").unlink()

    with Store(tmp_path / "left") as store:
        assert list(store.runs()) == [run_id]
        assert list(store.scores()) == []
        assert len(store.repairs) == 1


@pytest.mark.parametrize("how", ["text", "zeros", "50", "9000"])
def test_a_log_is_put_aside_with_the_ledger_that_it_belongs_to(tmp_path: Path, packed: PackedRun, how: str) -> None:
    """What a killed program left beside a ledger that was damaged since: all of it stays, byte for byte."""
    run_id = filled(tmp_path / "killed", packed)
    with Store(tmp_path / "killed") as store:
        store.add_scores(run_id, {"l2": SCORE})
        shutil.copytree(tmp_path / "killed", tmp_path / "left")
    left = tmp_path / "left"
    spoil(left / "ledger.sqlite", how)
    before = {end: (left / f"ledger.sqlite{end}").read_bytes() for end in ("", "-wal")}
    assert len(before["-wal"]) > 0

    with Store(left) as store:
        assert list(store.runs()) == [run_id]
        assert list(store.scores()) == []
        assert len(store.repairs) == 1
    (aside,) = left.glob("ledger.damaged-*.sqlite")
    assert {end: aside.with_name(aside.name + end).read_bytes() for end in before} == before
    assert aside.with_name(f"{aside.name}-shm").is_file()


def test_a_ledger_that_another_program_has_locked_is_no_damaged_ledger(
    tmp_path: Path, packed: PackedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused, and stays where it is."""
    filled(tmp_path, packed)
    before = (tmp_path / "ledger.sqlite").read_bytes()
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", functools.partial(connect, timeout=0))
    holder = connect(tmp_path / "ledger.sqlite")
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreError, match="locked"):
            Store(tmp_path)
    finally:
        holder.close()
    assert (tmp_path / "ledger.sqlite").read_bytes() == before
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_ledger_in_a_place_without_permission_is_refused(tmp_path: Path) -> None:
    """A folder in the ledger's place cannot be opened, and is no damaged ledger."""
    (tmp_path / "ledger.sqlite").mkdir()
    (tmp_path / "ledger.sqlite" / "inside").touch()

    with pytest.raises(StoreError, match="unable to open"):
        Store(tmp_path)
    assert os.listdir(tmp_path) == ["ledger.sqlite"]  # noqa: PTH208  names only
