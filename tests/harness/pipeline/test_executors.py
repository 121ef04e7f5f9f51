"""Every executor gives every result, and a task that fails or whose process dies takes no other down."""

import importlib.util
import os
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from harness.pipeline.executors import MissingExtraError, execute
from harness.pipeline.run_options import Executor
from harness.pipeline.tasks import TaskFailure
from tests.harness.pipeline.workers import deed, doomed_after_its_end, never_yields, slow_touch

GOOD = [("good", 0), ("large", 1), ("good", 2)]
BAD_ANYWHERE = [("raises", 10), ("leaves", 11)]
BAD_IN_A_PROCESS = [("unpicklable", 12), ("exits", 13), ("killed", 14)]

pytestmark = pytest.mark.usefixtures("importable")


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A spawned process finds this folder by the name `tests.harness`."""
    monkeypatch.syspath_prepend(str(request.config.rootpath))


def run(tasks: list[tuple[str, int]], executor: Executor, workers: int = 2) -> tuple[list[object], dict[int, str]]:
    """Results, and why each failed task failed."""
    done = list(execute(deed, tasks, executor=executor, workers=workers))
    failures = [item for item in done if isinstance(item, TaskFailure)]
    reasons = {failure.task[1]: failure.why for failure in failures}
    assert len(reasons) == len(failures), "a task must fail once"
    return [item for item in done if not isinstance(item, TaskFailure)], reasons


def of(number: int, results: list[object]) -> list[object]:
    """The results of one task, in the order in which they came."""
    return [part for part in results if isinstance(part, tuple) and part[0] == number]


@pytest.mark.parametrize("executor", ["local", "processes"])
def test_every_result_arrives_and_a_failure_stays_alone(executor: Executor) -> None:
    """Each task's results in order; those of a failing task up to its failure; a reason for each failure."""
    bad = BAD_ANYWHERE + (BAD_IN_A_PROCESS if executor != "local" else [])
    results, reasons = run([*bad, *GOOD], executor)

    assert reasons.keys() == {number for _, number in bad}
    for _, number in GOOD:
        assert of(number, results) == [(number, "first"), (number, "second")]
    for _, number in bad:
        assert of(number, results) == [(number, "first")]
    assert [len(part) for part in results if isinstance(part, bytes)] == [3_000_000]
    assert "the reason, in [brackets] and with a [/tag]" in reasons[10]
    if executor == "processes":
        assert "pickle" in reasons[12]
        assert reasons[13] == "Its process ended with exit code 9."
        assert reasons[14] == "Its process ended with exit code -9."


def test_a_task_that_had_not_begun_is_not_blamed_for_the_death_of_its_worker() -> None:
    """A worker dies between two tasks, while nobody listens: the second task is given to another worker."""
    done = []
    for item in execute(doomed_after_its_end, [("last", 0), ("good", 1)], executor="processes", workers=1):
        done.append(item)
        if item == 0:
            time.sleep(0.6)  # three times as long as the worker lives on

    assert done == [0, 1]


def test_a_worker_that_hangs_is_killed() -> None:
    """Its task fails after the time limit, with what it had yielded; the next task has a worker."""
    tasks = [("hangs", 0), ("good", 1)]
    done = list(execute(deed, tasks, executor="processes", workers=1, time_limit=3.0))

    assert done[0] == (0, "first")
    assert done[1] == TaskFailure(("hangs", 0), "Its process was killed: it had sent nothing for 3 s.")
    assert done[2:] == [(1, "first"), (1, "second")]


def test_processes_that_die_at_once_end_the_loop() -> None:
    """Every task fails, none is tried for ever."""
    done = list(execute(never_yields, [1, 2], executor="processes", workers=2))

    assert sorted(item.task for item in done if isinstance(item, TaskFailure)) == [1, 2]
    assert len(done) == 2


def test_a_consumer_that_stops_early_ends_the_workers(tmp_path: Path) -> None:
    """No worker outlives the generator."""
    stream = execute(slow_touch, [tmp_path, tmp_path], executor="processes", workers=2)
    pids = [next(stream), next(stream)]
    assert isinstance(stream, Generator)
    stream.close()

    assert all(isinstance(pid, int) for pid in pids)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(str(pid)), 0)
    counts = {file.name: file.read_text() for file in tmp_path.iterdir()}
    time.sleep(0.3)
    assert counts == {file.name: file.read_text() for file in tmp_path.iterdir()}


def test_tasks_start_in_the_order_given() -> None:
    """With one worker the results come in the order of the tasks."""
    results, _ = run([("good", number) for number in (3, 1, 2)], "local")

    assert [part[0] for part in results if isinstance(part, tuple)] == [3, 3, 1, 1, 2, 2]


@pytest.mark.parametrize("executor", ["local", "processes"])
def test_no_task_no_process(executor: Executor) -> None:
    """Nothing to do is done at once."""
    assert list(execute(deed, [], executor=executor, workers=4)) == []


def test_ray_that_is_absent_is_refused_before_the_first_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to install it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gapbench\[ray\]'"):
        execute(deed, GOOD, executor="ray", workers=1)
