"""A worker process for a submitted measure: it can crash, hang or leave, and costs one trial.

The one place where a submitted measure is started for a check.
"""

import contextlib
import json
import math
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import torch

import harness
from harness.checking.trials import Trial

START_LIMIT: Final = 60.0  # seconds to import torch and the file, on a machine that is busy
DEATHS: Final = 3  # after so many a worker is not started again
ISOLATION: Final = "a worker process with a time limit; it is not kept from files or the network"


class Refused(ValueError):  # noqa: N818  reads as what it is
    """The file does not define a measure that can be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one trial.

    Attributes:
        key: of the trial.
        scores: by measure: value, outcome, why, seconds.
        again: the same of a second computation, where it was asked for.
        left: by measure, what it did not leave as it was.
        megabytes: by how much the most memory held has grown.
        died: how the process ended over it; "" where it answered.
    """

    key: tuple[str, ...]
    scores: dict[str, dict[str, Any]]
    again: dict[str, dict[str, Any]]
    left: dict[str, list[str]]
    megabytes: float
    died: str = ""


class Worker:
    """A process that holds a submitted file and computes its measures on trials.

    Args:
        plugin: the file.
        until: when it must have ended, on the clock of `time.monotonic`.

    Raises:
        Refused: the file does not define a measure, or ends its process.
    """

    def __init__(self, plugin: Path, until: float) -> None:
        self._plugin, self._until = plugin.resolve(), until
        self._scratch = tempfile.TemporaryDirectory(prefix="gapbench-check-")
        self._deaths = 0
        self._start()
        first = self._answer(max(START_LIMIT, until - time.monotonic()))
        if isinstance(first, str):
            self.close()
            raise Refused(f"{plugin} must run as Python; its process {first}.")
        if "refused" in first:
            self.close()
            raise Refused(str(first["refused"]))
        self.measures: dict[str, dict[str, Any]] = first["measures"]
        self._needs = frozenset(need for about in self.measures.values() for need in about["needs"])

    def run(self, trials: Iterable[Trial]) -> Iterator[Answer]:
        """An answer for each trial, until the time is up or the process has died too often."""
        for number, trial in enumerate(trials):
            left = self._until - time.monotonic()
            if left <= 0 or self._deaths >= DEATHS:
                return
            file = Path(self._scratch.name) / f"{number}.pt"
            torch.save(trial.opened(self._needs), file)
            said = self._asked(str(file), left)
            answer = said if isinstance(said, str) else _checked(trial.key, said, self.measures)
            if isinstance(answer, Answer):
                yield answer
                file.unlink()
                continue
            self._end()
            if time.monotonic() >= self._until:
                return
            yield Answer(trial.key, {}, {}, {}, 0.0, answer)
            self._deaths += 1
            if self._deaths < DEATHS:
                self._start()
                self._answer(START_LIMIT)  # its description, which is known

    def close(self) -> None:
        """End the process and remove its files."""
        self._end()
        self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _start(self) -> None:
        reading, writing = os.pipe()
        root = str(Path(harness.__file__).parents[1])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(  # noqa: S603  this program, and a file that the user named
            [sys.executable, "-P", "-m", "harness.checking.worker", str(self._plugin), str(writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
            cwd=self._scratch.name,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        os.close(writing)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=_forward, args=(reading, self._lines), daemon=True).start()

    def _asked(self, line: str, limit: float) -> dict[str, Any] | str:
        assert self._process.stdin is not None  # noqa: S101  it was opened as a pipe
        with contextlib.suppress(BrokenPipeError):  # which the answer tells
            print(line, file=self._process.stdin, flush=True)
        return self._answer(limit)

    def _answer(self, limit: float) -> dict[str, Any] | str:
        """The next answer, or how the process ended."""
        try:
            line = self._lines.get(timeout=max(limit, 0.0))
        except queue.Empty:
            return f"did not answer in {limit:.0f} s"
        if not line:
            status = self._process.wait()
            how = f"was killed by signal {signal.Signals(-status).name}" if status < 0 else f"left with status {status}"
            return f"{how} in the middle of it"
        try:
            said = json.loads(line)
        except ValueError:
            return "answered with something else than JSON"
        return said if isinstance(said, dict) else "answered with something else than an object"

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()


def _forward(descriptor: int, lines: "queue.SimpleQueue[str]") -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as answers:
        for line in answers:
            lines.put(line)
    lines.put("")  # the process has ended, or has closed its side


def _checked(key: tuple[str, ...], said: dict[str, Any], names: Iterable[str]) -> Answer | str:
    """The answer, if it is one: what a process says that runs a stranger's code is not believed."""
    try:
        scores = {name: _score(said["scores"][name]) for name in names}
        again = {name: _score(score) for name, score in said["again"].items()}
        left = {str(name): [str(what) for what in whats] for name, whats in said["left"].items()}
        if tuple(said["key"]) != key:
            return "answered another question"
        return Answer(key, scores, again, left, float(said["megabytes"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"answered without what was asked for ({type(error).__name__}: {error})"


def _score(said: dict[str, Any]) -> dict[str, Any]:
    value = None if said["value"] is None else float(said["value"])
    if said["outcome"] not in {"scored", "unsupported", "failed", "timeout"}:
        raise ValueError(f"no outcome is called {said['outcome']!r}")
    if (said["outcome"] == "scored") != (value is not None) or (value is not None and not math.isfinite(value)):
        raise ValueError("a score must be a finite number, and nothing else has one")
    return {"value": value, "outcome": said["outcome"], "why": str(said["why"]), "seconds": float(said["seconds"])}
