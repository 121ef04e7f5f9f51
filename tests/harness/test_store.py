"""What was stored comes back; what is damaged is named, put aside or left out, and never deleted by reading."""

import json
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.store import Store, StoreError
from harness.weights import CorruptRun, PackedRun, pack
from measures import Score
from zoo.recipe import Recipe
from zoo.record import Record, TrainedRun

SCORE = Score(1.25, "scored", 0.5, 1, "", ("outputs.logits",))


@pytest.fixture
def packed(trained: TrainedRun) -> PackedRun:
    """A run as it travels."""
    return pack(trained, {"versions": {"torch": "2.13"}})


def filled(folder: Path, packed: PackedRun) -> str:
    """A store with one run and one score; its run_id."""
    with Store(folder) as store:
        run_id = store.add_run(packed)
        store.add_scores(run_id, {"param_norm": SCORE})
    return run_id


def test_a_run_survives(tmp_path: Path, packed: PackedRun, trained: TrainedRun) -> None:
    """Weights bit for bit, recipe, record and provenance equal."""
    run_id = filled(tmp_path, packed)

    with Store(tmp_path) as store:
        stored = store.runs()[run_id]
        states = [file.state() for file in store.weight_files(run_id)]

    assert (stored.run_id, stored.recipe, stored.record) == (trained.recipe.run_id, trained.recipe, trained.record)
    assert stored.provenance == {"versions": {"torch": "2.13"}}
    for state, expected in zip(states, (trained.initial, trained.final), strict=True):
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], expected[name]) for name in expected)
    assert any(not torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_scores_survive_with_their_versions(tmp_path: Path, packed: PackedRun) -> None:
    """A new version stands beside the old one; the same version is replaced; outcomes without a value stay so."""
    run_id = filled(tmp_path, packed)
    newer, failed = replace(SCORE, value=2.5, version=2), Score(None, "failed", 0.0, 1, "Traceback ...")
    with Store(tmp_path) as store:
        store.add_scores(run_id, {"param_norm": newer})
        store.add_scores(run_id, {"param_norm": replace(SCORE, value=1.5), "hess_trace": failed})

    with Store(tmp_path) as store:
        assert list(store.scores()) == [
            (run_id, "hess_trace", failed),
            (run_id, "param_norm", replace(SCORE, value=1.5)),
            (run_id, "param_norm", newer),
        ]


def test_a_run_that_is_trained_again_loses_the_scores_of_its_old_weights(tmp_path: Path, packed: PackedRun) -> None:
    """The row and the scores change in one transaction."""
    run_id = filled(tmp_path, packed)

    with Store(tmp_path) as store:
        assert store.add_run(packed) == run_id
        assert list(store.runs()) == [run_id]
        assert list(store.scores()) == []


def test_a_half_written_file_is_never_read(tmp_path: Path, packed: PackedRun) -> None:
    """What a killed program left under a temporary name changes nothing."""
    run_id = filled(tmp_path, packed)
    (tmp_path / "runs" / run_id / ".final.safetensors.4711").write_bytes(packed.final[:99])

    with Store(tmp_path) as store:
        assert store.weight_files(run_id)[1].content() == packed.final
        assert store.repairs == []
    assert {file.name for file in (tmp_path / "runs" / run_id).iterdir()} == {
        "initial.safetensors", "final.safetensors", ".final.safetensors.4711"
    }  # fmt: skip


@pytest.mark.parametrize("half", ["initial", "final"])
@pytest.mark.parametrize("how", ["bit", "cut", "gone"])
def test_damaged_weights_are_named(tmp_path: Path, packed: PackedRun, half: str, how: str) -> None:
    """One flipped bit, a missing end, a missing file."""
    run_id = filled(tmp_path, packed)
    file = tmp_path / "runs" / run_id / f"{half}.safetensors"
    damage(file, how)

    with Store(tmp_path) as store, pytest.raises(CorruptRun, match=f"{run_id}/{half}.safetensors"):
        store.weight_files(run_id)


def damage(file: Path, how: str) -> None:
    """Flip the last byte's lowest bit, cut the file in two, or delete it."""
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if how == "bit" else content[: len(content) // 2])


@pytest.mark.parametrize(
    ("column", "content", "named"),
    [
        ("recipe", json.dumps({"learning_rate": 0.3}), "its recipe is that of digits-mlp-true_labels-"),
        ("recipe", json.dumps({"colour": "red"}), "known fields; got colour"),
        ("recipe", "{", "Expecting"),
        ("recipe", json.dumps({"batch_size": "many"}), "'>='"),
        ("record", json.dumps({"mood": 1}), "mood"),
        ("provenance", "", "Expecting value"),
    ],
)
def test_a_damaged_row_is_left_out_and_named_but_not_deleted(
    tmp_path: Path, packed: PackedRun, column: str, content: str, named: str
) -> None:
    """A ledger from a newer version must survive that an older one looks at it."""
    run_id = filled(tmp_path, packed)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute(f"UPDATE runs SET {column} = ?", (content,))  # noqa: S608  names of the test itself
    connection.close()

    with Store(tmp_path) as store:
        assert store.runs() == {}
        assert store.runs() == {}
        assert len(store.repairs) == 1
        assert run_id in store.repairs[0]
        assert named in store.repairs[0]
        assert len(list(store.scores())) == 1
        store.add_run(packed)
        assert list(store.runs()) == [run_id]


@pytest.mark.parametrize(
    "change", ["value = NULL", "outcome = 'splendid'", "passes = '['", "value = 'much'", "outcome = 'failed'"]
)
def test_a_damaged_score_is_left_out_and_named(tmp_path: Path, packed: PackedRun, change: str) -> None:
    """So that it is computed again."""
    run_id = filled(tmp_path, packed)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute(f"UPDATE scores SET {change}")  # noqa: S608  changes of the test itself
    connection.close()

    with Store(tmp_path) as store:
        assert list(store.scores()) == []
        assert len(store.repairs) == 1
        assert f"param_norm of run {run_id}" in store.repairs[0]


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
        assert store.repairs == [], "it is told once"
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


def test_a_ledger_that_another_program_has_locked_is_no_damaged_ledger(
    tmp_path: Path, packed: PackedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused, and stays where it is."""
    filled(tmp_path, packed)
    before = (tmp_path / "ledger.sqlite").read_bytes()
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, timeout=0))
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


def test_metadata_of_measures_survive(tmp_path: Path) -> None:
    """The last word on a measure counts."""
    with Store(tmp_path) as store:
        store.add_metadata({"depth": {"expected_sign": 1}, "width": {"expected_sign": 1}})
        store.add_metadata({"depth": {"expected_sign": -1, "family": "norm"}})
    with Store(tmp_path) as store:
        assert store.metadata() == {"depth": {"expected_sign": -1, "family": "norm"}, "width": {"expected_sign": 1}}


def test_the_header_of_a_weight_file_repeats_the_run(packed: PackedRun, trained: TrainedRun) -> None:
    """Recipe and record, as JSON."""
    size = int.from_bytes(packed.final[:8], "little")
    header = json.loads(packed.final[8 : 8 + size])["__metadata__"]

    assert Recipe.from_changed(json.loads(header["recipe"])) == trained.recipe
    assert Record.from_json(json.loads(header["record"])) == trained.record
