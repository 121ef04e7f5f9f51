"""Tasks on their way to another machine, and what remains of one that was interrupted."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.pipeline.run_options import RunOptions
from harness.pipeline.tasks import ObserveTask, TrainTask, for_another_machine, remaining, sees_files
from harness.store.weights import CorruptRunError, PackedRun, WeightFile
from tests.harness.pipeline.planning import BASE
from tests.harness.pipeline.workers import RECORD


def test_a_fleet_without_the_runs_that_have_arrived() -> None:
    """Run by run, and None after the last; a network that is observed has one result."""
    first, second = BASE, BASE.replace(seed=1)
    task = TrainTask((first, second), RunOptions())
    left = remaining(task, PackedRun(first, RECORD, {}, b"", b""))

    assert left == replace(task, recipes=(second,))
    assert remaining(left, PackedRun(second, RECORD, {}, b"", b"")) is None
    assert remaining(ObserveTask(first, WeightFile(Path("final"), ""), None, (), RunOptions()), {}) is None


def test_weight_files_on_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are absolute, where the folder is shared; content goes with the task where it is not, and is checked."""
    monkeypatch.chdir(tmp_path)
    Path("final").write_bytes(b"weights")
    file = WeightFile(Path("final"), hashlib.sha256(b"weights").hexdigest())
    task = ObserveTask(BASE, file, None, (), RunOptions())

    shared = for_another_machine(task, with_files=False)
    assert shared.final.path == tmp_path / "final"
    sent = for_another_machine(task, with_files=True)
    Path("final").unlink()
    assert not sees_files(shared)
    assert sees_files(sent)
    assert sent.final.content() == b"weights"
    with pytest.raises(CorruptRunError, match="SHA-256"):
        replace(sent.final, content_sent=b"others").content()
