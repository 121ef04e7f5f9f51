"""The store returns what was written; damaged data are named or left out, and reading deletes nothing."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.store.store import Store
from harness.store.weights import CorruptRunError, PackedRun
from measures import Score
from tests.harness.store.storing import SCORE, damage, filled
from zoo.recipe import Recipe
from zoo.training.record import Record, TrainedRun


def test_a_run_survives(tmp_path: Path, packed: PackedRun, trained: TrainedRun) -> None:
    """Weights bit for bit, recipe, record and provenance equal."""
    with Store(tmp_path) as store:
        assert (store.runs(), store.repairs) == ({}, [])
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
        assert store.scoring_seconds() == 2 * SCORE.seconds > 0
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

    with Store(tmp_path) as store, pytest.raises(CorruptRunError, match=f"{run_id}/{half}.safetensors"):
        store.weight_files(run_id)


@pytest.mark.parametrize(
    ("column", "content", "named"),
    [
        ("recipe", json.dumps({"learning_rate": 0.3}), "its recipe is that of digits-mlp-true_labels-"),
        ("recipe", json.dumps({"colour": "red"}), "known fields; got colour"),
        ("recipe", "{", "Expecting"),
        ("recipe", json.dumps({"batch_size": "many"}), "batch_size must be a whole number"),
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
