"""Workers that end well and badly, in a module that a spawned process can import."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.pipeline.tasks import ObserveTask, TrainTask
from harness.store.weights import PackedRun
from zoo.training.record import Record

RECORD = Record(
    train_accuracy=1.0,
    test_accuracy=0.5,
    train_loss=0.1,
    test_loss=1.0,
    stopped="target",
    epochs=1,
    steps=1,
    seconds=1.0,
    fleet=1,
    num_params=1,
    labels_changed=0.0,
    test_size=1,
    device="cpu",
)


def deed(task: tuple[str, int]) -> Iterator[Any]:
    """Yield the task's number twice; in between do what the task's word says."""
    word, number = task
    yield number, "first"
    DEEDS[word]()
    if word == "unpicklable":
        yield threading.Lock()
    if word == "large":
        yield b"x" * 3_000_000
    yield number, "second"


def doomed_after_its_end(task: tuple[str, int]) -> Iterator[int]:
    """Yield the number; the process of a "last" task dies a moment after the task has ended."""
    word, number = task
    if word == "last":
        threading.Timer(0.2, os._exit, (3,)).start()
    yield number


def slow_touch(folder: Path) -> Iterator[int]:
    """Yield the process's id, then count the seconds in a file of that name, for a minute."""
    yield os.getpid()
    for second in range(600):
        (folder / str(os.getpid())).write_text(str(second))
        time.sleep(0.1)


def never_yields(task: int) -> Iterator[int]:
    """End the process before anything is yielded."""
    DEEDS["exits"]()
    yield task


def _raise() -> None:
    raise ValueError("the reason, in [brackets] and with a [/tag]")


def _exit() -> None:
    raise SystemExit(5)


DEEDS: dict[str, Callable[[], object]] = {
    "good": lambda: None,
    "large": lambda: None,
    "unpicklable": lambda: None,
    "raises": _raise,
    "leaves": _exit,
    "exits": lambda: os._exit(9),
    "hangs": lambda: time.sleep(600),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


def name_node(task: tuple[int, float]) -> Iterator[tuple[int, str]]:
    """Work for some seconds, then yield the task's number and the node of the Ray cluster that did it."""
    import ray

    number, seconds = task
    time.sleep(seconds)
    yield number, ray.get_runtime_context().get_node_id()


def name_resources(task: int) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield the task's number and the resources that Ray gave it."""
    import ray

    yield task, ray.get_runtime_context().get_assigned_resources()


def die_once(task: TrainTask) -> Iterator[PackedRun]:
    """Yield a run for each recipe; the first process dies after the first one, which it records in a file."""
    mark = task.options.folder / "died"
    for recipe in task.recipes:
        yield PackedRun(recipe, RECORD, {}, b"initial", b"final")
        if not mark.exists():
            time.sleep(0.5)  # until the run has arrived
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def read_weights(task: ObserveTask) -> Iterator[tuple[bool, bytes]]:
    """Yield whether the weights are at their path, and their bytes."""
    yield task.final.path.is_file(), task.final.content()
