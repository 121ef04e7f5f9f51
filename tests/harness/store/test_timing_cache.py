"""Choices by timing are cached on disk, so that two runs give identical records; groups are split among workers."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from harness.pipeline.run_options import RunOptions
from harness.pipeline.tasks import TrainTask, split_groups
from harness.pipeline.workers import train_fleet
from harness.store.store import Store
from harness.store.timing_cache import ChoicesOnDisk, cache_folder
from tests.harness.conftest import Gapbench
from zoo.recipe import Recipe
from zoo.training.engines.modes import Mode
from zoo.training.engines.timing import Choice


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """All that the records of a zoo say, but for the time that it took."""
    with Store(folder) as store:
        found = {run_id: vars_of(run.record) for run_id, run in store.runs().items()}
    for record in found.values():
        del record["seconds"]
    return found


def vars_of(record: object) -> dict[str, Any]:
    """The fields of a slotted dataclass by name."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}  # type: ignore[attr-defined]


def trained(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of a small zoo of two shapes, trained into a folder."""
    recipes = [
        Recipe(model=model, train_size=64, batch_size=16, max_epochs=4, learning_rate=0.05, seed=seed)
        for model in ("mlp", "nin")
        for seed in range(5)
    ]
    with Store(folder) as store:
        for shape in (recipes[:5], recipes[5:]):
            for run in train_fleet(TrainTask(tuple(shape), RunOptions(device="cpu"))):
                store.add_run(run)
    return records(folder)


def test_two_runs_of_a_suite_give_identical_records_and_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run asks no clock but the cache: an answer that is changed there by hand is followed."""
    monkeypatch.setenv("GAPBENCH_CACHE", str(tmp_path / "cache"))
    first, second = trained(tmp_path / "first"), trained(tmp_path / "second")

    assert len(first) == 10
    assert first == second
    assert all(record["losses"] and record["mode"] in ("loop", "channels_last", "fleet") for record in first.values())
    for run_id in first:
        for name in ("initial", "final"):
            files = (tmp_path / folder / "runs" / run_id / f"{name}.safetensors" for folder in ("first", "second"))
            one, other = (load_file(file) for file in files)
            assert one.keys() == other.keys()
            assert all(bool((one[key] == other[key]).all()) for key in one)

    kept = list((tmp_path / "cache").glob("choice-*.json"))
    assert len(kept) == 2
    for file in kept:
        file.write_text(json.dumps(json.loads(file.read_text()) | {"mode": "fleet", "size": 3}))
    assert {record["fleet"] for record in trained(tmp_path / "third").values()} == {3}


def test_mode_and_precision_are_options(gapbench: Gapbench, tmp_path: Path) -> None:
    """They stand in the record; an impossible combination is refused in a sentence."""
    result = gapbench("train", "smoke", "--limit", "1", "--precision", "bf16", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert {record["precision"] for record in records(tmp_path).values()} == {"bf16"}

    refused = gapbench("train", "smoke", "--mode", "loop", "--fleet", "2", "--out", tmp_path)
    assert refused.exit_code == 2
    assert "mode loop must have a fleet of 1; got 2" in refused.output


def test_a_task_says_which_mode() -> None:
    """Three that a fleet would train side by side are trained one by one."""
    recipes = tuple(Recipe(train_size=32, max_epochs=1, seed=seed) for seed in range(3))
    asked: tuple[Mode, ...] = ("loop", "fleet")
    for mode in asked:
        modes = [run.record.mode for run in train_fleet(TrainTask(recipes, RunOptions(device="cpu", mode=mode)))]
        assert modes == [mode] * 3


def test_the_first_answer_stands(tmp_path: Path) -> None:
    """Of two that answer the same question at once, both do as the first said; questions do not mix."""
    here, there = ChoicesOnDisk(tmp_path / "cache"), ChoicesOnDisk(tmp_path / "cache")
    assert here.recall("which?") is None
    assert here.keep("which?", Choice("fleet", 8), {"fleet 8": 1.0}, {}) == Choice("fleet", 8)
    assert there.keep("which?", Choice("loop", 1), {"loop 1": 1.0}, {}) == Choice("fleet", 8)
    assert there.recall("which?") == Choice("fleet", 8)
    assert there.recall("another?") is None
    assert len(list((tmp_path / "cache").iterdir())) == 1, "no temporary file is left"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"question": "which?", "mode": "magic", "size": 1}'])
def test_a_damaged_answer_is_asked_for_again(content: str, tmp_path: Path) -> None:
    """And replaced."""
    choices = ChoicesOnDisk(tmp_path)
    choices.keep("which?", Choice("fleet", 8), {}, {})
    (file,) = tmp_path.iterdir()
    file.write_text(content)

    assert choices.recall("which?") is None
    assert choices.keep("which?", Choice("fleet", 4), {}, {}) == Choice("fleet", 4)
    assert choices.recall("which?") == Choice("fleet", 4)


def test_without_a_place_to_write_nothing_is_remembered(tmp_path: Path) -> None:
    """A file stands where the folder should be: the choice is that of the timing."""
    (tmp_path / "taken").write_text("")
    choices = ChoicesOnDisk(tmp_path / "taken")
    assert choices.keep("which?", Choice("fleet", 4), {}, {}) == Choice("fleet", 4)
    assert choices.recall("which?") is None


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """GAPBENCH_CACHE before the system's own."""
    monkeypatch.setenv("GAPBENCH_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("GAPBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / "gapbench"


def test_every_worker_has_a_share() -> None:
    """The largest group is halved until there is one each; what shares a teacher stays whole, and so do few."""
    many = [Recipe(seed=seed) for seed in range(10)]
    few = [Recipe(width=2.0, seed=seed) for seed in range(3)]
    taught = [Recipe(teacher=Recipe(), seed=seed) for seed in range(20)]

    assert split_groups([few, many], 1) == [many, few]
    assert split_groups([few, many], 3) == [many[:5], many[5:], few]
    assert sorted(map(len, split_groups([many], 4))) == [2, 2, 3, 3]
    assert split_groups([few], 2) == [few]
    assert split_groups([taught], 2) == [taught]
    assert sorted((r for group in split_groups([many], 4) for r in group), key=lambda r: r.seed) == many
