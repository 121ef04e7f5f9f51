"""Submitted measures, run in a process of their own that holds nothing which they must not see.

A `Sandbox` keeps one process with torch imported (`harness.sandbox_worker`), under bubblewrap where that works. Each
request goes to a fork of it, as an open file, and is answered in lines of JSON; nothing that comes back is unpickled.
"""

import copy
import hashlib
import json
import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Self, cast, get_args

import torch
from torch import Tensor, nn

from harness.confinement import ROOMS, Guard, Kind, bubblewrap, environment, guards, wrapped
from harness.sandbox_worker import ENDED, KILL, RUN
from measures import Measure, Score, Subject
from measures.api import Need, Outcome
from measures.history import Trajectory

MEMORY: Final = 4 << 30  # bytes beyond what torch itself takes; above what any measure of the catalogue does
GRACE: Final = 2.0  # seconds beyond the limit, in which a measure that heeds its alarm says so
LOADING: Final = 60.0  # seconds to read a request and to run the submitted file
STARTING: Final = 120.0  # seconds to import torch on a machine that has other things to do
SCORING: Final = 300.0  # seconds for one measure of one network
LONGEST_ANSWER: Final = 16 << 20  # bytes; hundreds of measures with their layers take a tenth
SCRATCH: Final = "/tmp"  # noqa: S108  in the sandbox it is a folder of its own


class SandboxError(RuntimeError):
    """The sandbox itself does not start; the message says what it said."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """What stands between a submitted measure and the rest.

    Attributes:
        kind: bubblewrap, or limits that the process sets itself.
        guards: what holds here: namespaces, landlock (files), seccomp (system calls), limits (memory, time, files).
    """

    kind: Kind
    guards: tuple[Guard, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """Code that somebody submits: a file, or a module that is imported in the sandbox only.

    Attributes:
        kind: which of them.
        where: path of the file, or name of the module.
        content: the file's; empty for a module.
        source_hash: of the code, 16 hexadecimal digits.
    """

    kind: Literal["file", "module"]
    where: str
    content: bytes
    source_hash: str

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """A file, read and not run.

        Raises:
            FileNotFoundError: there is none.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path} must be a Python file that defines a measure; there is none.")
        content = path.read_bytes()
        return cls("file", str(path), content, hashlib.sha256(content).hexdigest()[:16])

    @classmethod
    def of_module(cls, name: str, files: Iterable[Path]) -> Self:
        """An installed module, whose code stands in these files."""
        digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in sorted(files)))
        return cls("module", name, b"", digest.hexdigest()[:16])


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a `Subject` is built of in the sandbox; see there."""

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    init_state: Mapping[str, Tensor] | None = None
    twin: nn.Module | None = None
    unlabeled: Tensor | None = None
    trajectory: Trajectory | None = None
    seed: int = 0

    def without_data(self) -> "Parts":
        """The same with one image of zeros, of class 0, instead of the training data."""
        return replace(self, inputs=torch.zeros_like(self.inputs[:1]), labels=torch.zeros_like(self.labels[:1]))

    def for_needs(self, needs: Iterable[Need]) -> "Parts":
        """The same without what these needs do not open."""
        named = set(needs)
        return replace(
            self,
            init_state=self.init_state if "init" in named else None,
            twin=self.twin if "twin" in named else None,
            unlabeled=self.unlabeled if "unlabeled" in named else None,
            trajectory=self.trajectory if "trajectory" in named else None,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sandbox says of one measure of one network.

    Attributes:
        score: with the reason where there is no value.
        touched: what the measure changed that is not its own, such as "parameter fc.weight" or "random state".
        peak: bytes by which its process grew; of several in one process, until then.
    """

    score: Score
    touched: tuple[str, ...] = ()
    peak: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one fork said, and how it ended: `cause` is empty if it said and did what it should."""

    events: list[dict[str, Any]]
    cause: str
    overdue: bool = False


class Sandbox:
    """One process with torch imported, a fork of which runs each request; to be closed after use.

    Args:
        kind: how it is held; the stronger that works here if None.
        threads: of torch, in each fork.

    Attributes:
        isolation: what holds it.
    """

    def __init__(self, kind: Kind | None = None, threads: int = 1) -> None:
        chosen: Kind = kind or ("bubblewrap" if bubblewrap() else "process limits")
        self.isolation = Isolation(chosen, guards(chosen))
        self.threads = threads
        self._folder = tempfile.TemporaryDirectory(prefix="gapbench-scratch-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and take its scratch folder away."""
        self._stop()
        self._folder.cleanup()

    def describe(self, submission: Submission) -> dict[str, Measure]:
        """The measures of a submission as it declares them; their `compute` refuses, for it is not here.

        Raises:
            ValueError: it does not run, or defines no measure, or declares what cannot be; the message says which.
        """
        answer = self._asked({}, submission, measures=0, seconds=0.0)
        if answer.events and "refused" in answer.events[0]:
            raise ValueError(str(answer.events[0]["refused"]))
        if answer.cause or not answer.events:
            raise ValueError(f"{submission.where} must run as Python and define a measure; {answer.cause}")
        described = answer.events[0].get("described")
        if not isinstance(described, list) or not described:
            raise ValueError(f"{submission.where} must define at least one function under @measure; it defines none.")
        found = [_declared(said, submission) for said in described]
        return {measure.name: measure for measure in found}

    def score(
        self,
        submission: Submission,
        names: Iterable[str],
        parts: Parts,
        *,
        time_limit: float = SCORING,
        memory: int = MEMORY,
        chunk: int | None = None,
    ) -> dict[str, Reply]:
        """Score one network. What goes wrong with a measure stays in its own reply.

        With `chunk` in forward passes of so many examples, on which no score may depend.

        The measures share one fork, as those of the catalogue share a process. If that does not end as it should, each
        that is not known to be the cause runs again, in a fork of its own.
        """
        wanted = list(names)
        together = {"parts": _sendable(parts), "time_limit": time_limit, "memory": memory, "chunk": chunk}
        replies = self._scored(submission, wanted, together, time_limit, alone=len(wanted) == 1)
        for name in wanted:
            if name not in replies:
                replies |= self._scored(submission, [name], together, time_limit, alone=True)
        return {name: replies[name] for name in wanted}

    def _scored(
        self, submission: Submission, names: list[str], request: dict[str, Any], time_limit: float, *, alone: bool
    ) -> dict[str, Reply]:
        """What one fork says of these measures; unless `alone`, nothing of those that may have come to harm."""
        answer = self._asked({**request, "names": names}, submission, measures=len(names), seconds=time_limit)
        begun = [event["begun"] for event in answer.events if "begun" in event]
        said = {event["name"]: event for event in answer.events if event.get("name") in names}
        last = answer.events[-1] if answer.events else {}
        touched = tuple(str(name) for name in last.get("end", ()))
        spoiled = [name for name in touched if name != "random state"]
        cause = answer.cause or ("" if set(said) == set(names) else "it ended without a word.")
        if cause:
            charged = names if alone or not begun else begun[-1:]
            outcome: Outcome = "timeout" if answer.overdue else "failed"
            why = f"In the sandbox, {cause}"
            return {n: Reply(Score(None, outcome, time_limit if answer.overdue else 0.0, 0, why)) for n in charged}
        if spoiled and not alone:
            return {}
        replies = {name: _reply(event, submission) for name, event in said.items()}
        if spoiled:
            why = f"A measure must leave the network and its data as they are; it changed {', '.join(spoiled[:5])}."
            (only,) = replies.values()
            score = replace(only.score, value=None, outcome="failed", why=why, layers={})
            return {names[0]: Reply(score, touched, only.peak)}
        return {name: replace(reply, touched=touched if alone else ()) for name, reply in replies.items()}

    # -- one request ---------------------------------------------------------------------------------------------------

    def _asked(self, request: Mapping[str, Any], submission: Submission, *, measures: int, seconds: float) -> _Answer:
        """Send a request to a fork and hear what it says, until it has ended or is overdue."""
        control = self._started()
        complete = {
            **request,
            "kind": submission.kind,
            "where": submission.where,
            "content": submission.content,
            "threads": self.threads,
            "memory": request.get("memory", MEMORY),
            "processor_seconds": math.ceil((LOADING + measures * (seconds + GRACE)) * self.threads),
        }
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        try:
            with tempfile.TemporaryFile() as payload:
                torch.save(complete, payload)
                payload.seek(0)
                socket.send_fds(control, [RUN], [payload.fileno(), theirs])
            os.close(theirs)
            theirs = -1
            return _Hearing(ours, control, measures, seconds).answer()
        except OSError as error:  # the trusted process is gone; the next request starts another
            self._stop()
            return _Answer([], f"its process was lost ({error}).")
        finally:
            os.close(ours)
            if theirs >= 0:
                os.close(theirs)

    def _started(self) -> socket.socket:
        """The socket to the process, started if there is none."""
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self._stop()
        ours, theirs = socket.socketpair()
        inside = self.isolation.kind == "bubblewrap"
        scratch = SCRATCH if inside else self._folder.name
        start = f"import sys; sys.path.insert(0, {str(ROOMS)!r}); from harness.sandbox_worker import main; main()"
        command = [sys.executable, "-P", "-c", start, scratch]
        with theirs, tempfile.TemporaryFile() as said:
            self._process = subprocess.Popen(  # noqa: S603  Python itself
                wrapped(command, scratch) if inside else command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=said,
                cwd=scratch if not inside else "/",
                env=dict(environment(self.threads)),
                start_new_session=True,
            )
            theirs.close()
            ours.settimeout(STARTING)
            with suppress(OSError):
                if ours.recv(1) == RUN:
                    ours.settimeout(None)
                    self._control = ours
                    return ours
            ours.close()
            self._stop()
            said.seek(0)
            raise SandboxError(
                f"The sandbox ({self.isolation.kind}) must start; it says: {said.read().decode()[-2000:]}."
            )

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


class _Hearing:
    """What one fork says, line by line, on a pipe of its own; how it ended comes over the control socket."""

    def __init__(self, pipe: int, control: socket.socket, measures: int, seconds: float) -> None:
        self.pipe, self.control, self.measures, self.seconds = pipe, control, measures, seconds
        self.events: list[dict[str, Any]] = []
        self.rest, self.heard = bytearray(), 0
        self.wrong = ""
        self.deadline = time.monotonic() + LOADING

    def answer(self) -> _Answer:
        """All of it."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.pipe, selectors.EVENT_READ)
            selector.register(self.control, selectors.EVENT_READ)
            while not self.wrong:
                ready = {key.fileobj for key, _ in selector.select(max(0.0, self.deadline - time.monotonic()))}
                if not ready:
                    self._ended(kill=True)
                    limit = self.seconds if any("begun" in event for event in self.events) else LOADING
                    return _Answer(self.events, f"it ran longer than {limit:g} s and was killed.", overdue=True)
                if self.pipe in ready and not self._read():
                    selector.unregister(self.pipe)
                if self.control in ready:
                    status = self._ended()
                    while self._read():
                        pass
                    return _Answer(self.events, self.wrong or self._cause(status))
        self._ended(kill=True)
        return _Answer(self.events, self.wrong)

    def _read(self) -> bool:
        """Read what there is; False if there is, or comes, no more."""
        try:
            content = os.read(self.pipe, 1 << 16)
        except BlockingIOError:
            return False
        self.heard += len(content)
        if self.heard > LONGEST_ANSWER:
            self.wrong = f"it sent more than {LONGEST_ANSWER} bytes and was killed."
            return False
        self.rest += content
        if b"\n" in content:
            *lines, self.rest = self.rest.split(b"\n")
            for line in lines:
                self._take(line)
        return bool(content) and not self.wrong

    def _take(self, line: bytearray) -> None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            self.wrong = "it sent what is no answer."
            return
        self.events.append(event)
        begun = sum("begun" in earlier for earlier in self.events)
        if "begun" in event and begun <= self.measures:
            self.deadline = time.monotonic() + self.seconds + GRACE
        if "end" in event:
            self.deadline = min(self.deadline, time.monotonic() + LOADING)

    def _ended(self, *, kill: bool = False) -> int:
        if kill:
            self.control.sendall(KILL)
        status = b""
        while len(status) < ENDED.size:
            part = self.control.recv(ENDED.size - len(status))
            if not part:
                raise ConnectionResetError("it was killed")
            status += part
        return int(ENDED.unpack(status)[0])

    def _cause(self, status: int) -> str:
        stopped = next((event["stopped"] for event in self.events if "stopped" in event), None)
        if stopped is not None:
            return str(stopped).strip()
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}."
        if self.events and "refused" in self.events[0]:
            return str(self.events[0]["refused"])
        finished = self.events and ("end" in self.events[-1] or "described" in self.events[-1])
        return "" if code == 0 and finished else f"its process ended with exit code {code}."


# -- what comes back is checked, field by field ------------------------------------------------------------------------


def _reply(event: Mapping[str, Any], submission: Submission) -> Reply:
    """A reply of what a fork says; what is not well formed is a failure."""
    value, outcome, layers = event.get("value"), event.get("outcome"), event.get("layers")
    passes, peak = event.get("passes"), event.get("peak")
    whole = (
        outcome in get_args(Outcome)
        and (_is_number(value) if outcome == "scored" else value is None)
        and _is_number(event.get("seconds"))
        and isinstance(event.get("version"), int)
        and isinstance(event.get("why"), str)
        and isinstance(passes, list)
        and all(isinstance(name, str) for name in passes)
        and isinstance(layers, dict)
        and all(map(_is_number, layers.values()))
        and isinstance(peak, int)
    )
    if not whole:
        return Reply(Score(None, "failed", 0.0, 0, "In the sandbox, it sent what is no score."))
    score = Score(
        None if value is None else float(value),
        cast("Outcome", outcome),
        max(0.0, float(event["seconds"])),
        event["version"],
        event["why"],
        tuple(cast("list[str]", passes)),
        {name: float(part) for name, part in cast("dict[str, float]", layers).items()},
        submission.source_hash,
    )
    return Reply(score, (), max(0, cast("int", peak)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _declared(said: object, submission: Submission) -> Measure:
    """A measure as it describes itself, checked as its own decorator would have.

    Raises:
        ValueError: it cannot be so.
    """

    def elsewhere(_: Subject) -> float:
        raise RuntimeError("A submitted measure must be run in the sandbox; its code is not in this process.")

    try:
        fields = dict(cast("dict[str, Any]", said))
        elsewhere.__doc__ = str(fields.pop("doc"))
        if not (
            isinstance(fields["name"], str) and fields["name"].isidentifier() and isinstance(fields["version"], int)
        ):
            raise ValueError(f"name must be an identifier and version a whole number; got {fields['name']!r}.")
        fields["needs"] = frozenset(fields["needs"])
        return Measure(compute=elsewhere, **fields)
    except (TypeError, LookupError) as error:
        raise ValueError(f"{submission.where} must describe its measures; it sent what is no description.") from error


def _sendable(parts: Parts) -> dict[str, Any]:
    """The parts on the CPU, each tensor in a memory of its own: a view would take along what it is a view of."""
    return {
        "model": _own_network(parts.model),
        "inputs": _own(parts.inputs),
        "labels": _own(parts.labels),
        "init_state": None if parts.init_state is None else _own_state(parts.init_state),
        "twin": None if parts.twin is None else _own_network(parts.twin),
        "unlabeled": None if parts.unlabeled is None else _own(parts.unlabeled),
        "trajectory": None if parts.trajectory is None else _own_trajectory(parts.trajectory),
        "seed": parts.seed,
    }


def _own(tensor: Tensor) -> Tensor:
    return tensor.detach().clone(memory_format=torch.contiguous_format).cpu()


def _own_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: _own(value) for name, value in state.items()}


def _own_network(network: nn.Module) -> nn.Module:
    mine = copy.deepcopy(network)
    for tensor in (*mine.parameters(), *mine.buffers()):
        tensor.data = _own(tensor)
    return mine


def _own_trajectory(trajectory: Trajectory) -> Trajectory:
    checkpoints = [
        replace(c, params=_own_state(c.params), buffers=_own_state(c.buffers)) for c in trajectory.checkpoints
    ]
    return replace(trajectory, checkpoints=checkpoints)
