"""Workers that end well and badly, in a module that a spawned process can import."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


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
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
}
