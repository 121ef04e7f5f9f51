"""Progress of long work: a bar in a terminal, plain lines where there is none, and the same lines in a log file."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LOG: Final = "progress.log"  # in the zoo's directory
EVERY_SECONDS: Final = 10.0
EVERY_SHARE: Final = 0.05  # of the total

Clock = Callable[[], float]


class ProgressLines:
    """Write a line whenever ten seconds have passed or five per cent more are done, and at both ends.

    Args:
        task: what is done, such as "training".
        total: number of networks.
        write: takes each line.
        clock: seconds from any start.
    """

    def __init__(self, task: str, total: int, write: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._task, self._total, self._write, self._clock = task, total, write, clock
        self._done = self._done_before = 0
        self._start = self._time_before = clock()
        self._lock = threading.Lock()  # networks are counted by the main thread, seconds by another
        self._write_line(self._start)

    def advance(self) -> None:
        """Count one network."""
        with self._lock:
            self._done += 1
            new = self._done - self._done_before
            if new >= EVERY_SHARE * self._total or self._done == self._total:
                self._write_line(self._clock())
        self.tick()

    def tick(self) -> None:
        """Write a line if the last one is ten seconds old and work remains."""
        with self._lock:
            now = self._clock()
            if now - self._time_before >= EVERY_SECONDS and self._done < self._total:
                self._write_line(now)

    def _write_line(self, now: float) -> None:
        share, elapsed = self._done / self._total, now - self._start
        line = f"{self._task}: {self._done} of {self._total} networks ({share:.0%}), {elapsed:.0f} s"
        if 0 < self._done < self._total:
            line += f", about {elapsed * (1 / share - 1):.0f} s left"
        self._write(line)
        self._done_before, self._time_before = self._done, now


@contextmanager
def report_progress(console: Console, folder: Path, task: str, total: int) -> Iterator[Callable[[], None]]:
    """Report the progress of a task on a console and in the log file of a zoo; yields what counts one network."""
    with (folder / LOG).open("a", encoding="utf-8", buffering=1) as log:

        def write(line: str) -> None:
            log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {line}\n")
            if not console.is_terminal:
                console.print(line, highlight=False, markup=False, soft_wrap=True)

        lines = ProgressLines(task, total, write)
        bar = _bar(console, task, total) if console.is_terminal else nullcontext(lambda: None)
        with bar as advance_bar, _ticking(lines):

            def advance() -> None:
                lines.advance()
                advance_bar()

            yield advance


@contextmanager
def _bar(console: Console, task: str, total: int) -> Iterator[Callable[[], None]]:
    columns = (
        TextColumn("{task.description:9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("networks"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        shown = progress.add_task(task, total=total)
        yield lambda: progress.advance(shown)


@contextmanager
def _ticking(lines: ProgressLines) -> Iterator[None]:
    """Tick from a thread, so that a network that takes minutes is no silence."""
    stop = threading.Event()
    thread = threading.Thread(target=tick_until, args=(lines, stop.wait), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def tick_until(lines: ProgressLines, stopped: Callable[[float], bool]) -> None:
    """Tick every ten seconds until `stopped`, which waits for so many seconds, says so."""
    while not stopped(EVERY_SECONDS):
        lines.tick()
