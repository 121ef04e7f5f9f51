"""Run measures of plug-ins in a separate process that holds nothing which they must not see.

A `Sandbox` keeps one process with torch imported (`harness.sandbox.worker`), under bubblewrap where that works. Each
request goes to a fork of it as open files, and comes back as lines of JSON; nothing that comes back is unpickled.
"""

import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Final, Self

import torch

from harness.errors import HarnessError
from harness.sandbox.confinement import (
    ROOMS,
    Guard,
    Kind,
    bubblewrap,
    environment,
    guards,
    import_path,
    wrap_in_bubblewrap,
)
from harness.sandbox.replies import Reply, measure_of, reply_of
from harness.sandbox.retraining import RefitOutside
from harness.sandbox.session import GRACE, LOADING, Answer, Event, Session, changed_inputs, changes_in
from harness.sandbox.submission import Parts, PluginError, Submission, Turn
from harness.sandbox.worker import RUN, Request, SentTurn
from measures import Measure, Score
from measures.api import Outcome
from measures.scores import Failure
from measures.training_history import Refit

MEMORY: Final = 4 << 30  # bytes beyond torch and what is sent; above what any measure of the catalogue takes
STARTING: Final = 120.0  # seconds to import torch on a machine that has other things to do
SCORING: Final = 300.0  # seconds for one measure of one network
SCRATCH: Final = "/tmp"  # noqa: S108  a separate folder inside bubblewrap


class SandboxError(HarnessError):
    """The sandbox does not start; the message quotes its output."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """Isolation of a measure from everything else.

    Attributes:
        kind: bubblewrap, or limits that the process sets itself.
        guards: mechanisms that work here: namespaces, landlock (files), seccomp (system calls), limits (memory, time,
            files).
    """

    kind: Kind
    guards: tuple[Guard, ...]


@dataclass(frozen=True, slots=True)
class _Options:
    """Options of one request; see `Sandbox.score_in_turn`."""

    time_limit: float
    memory: int = MEMORY
    chunk: int | None = None
    refit: Refit | None = None


class Sandbox:
    """One process with torch imported, a fork of which runs each request. Close it after use.

    Args:
        kind: kind of isolation; the stronger one that works here if None.
        threads: of torch, in each fork.

    Attributes:
        isolation: how it is isolated.
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
        """End the process and delete its scratch folder."""
        self._stop()
        self._folder.cleanup()

    def describe(self, submission: Submission) -> dict[str, Measure]:
        """Return the measures that a submission declares; their `compute` raises, since the code is not here.

        Raises:
            PluginError: it does not run, or defines no measure, or one that is declared wrongly.
        """
        answer = self._request(submission, (), _Options(time_limit=0.0))
        said = answer.turns[0][0] if answer.turns[0] else {}
        if "refused" in said:
            raise PluginError(str(said["refused"]))
        if answer.cause or not said:
            raise PluginError(f"{submission.where} must run as Python and define a measure; {answer.cause}")
        described = said.get("described")
        if not isinstance(described, list) or not described:
            raise PluginError(f"{submission.where} must define at least one function under @measure; it defines none.")
        found = [measure_of(one, submission) for one in described]
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
        """Score one network with measures that see the same; see `score_in_turn`."""
        turn = Turn(tuple(names), parts)
        return self.score_in_turn(submission, [turn], time_limit=time_limit, memory=memory, chunk=chunk)

    def score_in_turn(
        self,
        submission: Submission,
        turns: Sequence[Turn],
        *,
        time_limit: float = SCORING,
        memory: int = MEMORY,
        chunk: int | None = None,
        refit: Refit | None = None,
    ) -> dict[str, Reply]:
        """Score one network in turns, each of which sees at least what the previous one saw.

        A failure stays in the reply of that measure. `chunk` sets the examples per forward pass, on which no score
        may depend. With `refit` measures may have networks trained, outside of the sandbox.

        The measures share one fork, as those of the catalogue share a process. If a turn ends badly, each of its
        measures that is not known to be the cause runs again in a separate fork, and later turns in another one.
        """
        options = _Options(time_limit, memory, chunk, refit)
        return self._score_in_turn(submission, turns, options)

    def _score_in_turn(self, submission: Submission, turns: Sequence[Turn], options: "_Options") -> dict[str, Reply]:
        replies, reached = self._score_turns(submission, turns, options)
        for turn in turns[:reached]:
            for name in turn.names:
                if name not in replies:
                    replies |= self._score_turns(submission, [Turn((name,), turn.parts)], options)[0]
        if reached < len(turns):
            replies |= self._score_in_turn(submission, turns[reached:], options)
        return {name: replies[name] for turn in turns for name in turn.names}

    def _score_turns(
        self, submission: Submission, turns: Sequence[Turn], options: "_Options"
    ) -> tuple[dict[str, Reply], int]:
        """Return the replies of one fork that no failure may have affected, and the number of turns that it began."""
        answer = self._request(submission, turns, options)
        alone = sum(len(turn.names) for turn in turns) == 1
        replies: dict[str, Reply] = {}
        for number, (turn, events) in enumerate(zip(turns, answer.turns, strict=False), 1):
            cause = answer.cause if number == len(answer.turns) else ""
            if cause:
                replies |= _replies_of_bad_end(
                    turn.names, events, replace(answer, cause=cause), options.time_limit, alone
                )
            else:
                replies |= _replies_of_good_end(turn.names, events, submission, alone=alone)
        return replies, len(answer.turns)

    # -- one request ---------------------------------------------------------------------------------------------------

    def _request(self, submission: Submission, turns: Sequence[Turn], options: "_Options") -> Answer:
        """Send a request to a fork and read its answer until it has ended or is overdue."""
        control = self._start()
        measures = sum(len(turn.names) for turn in turns)
        ours, theirs = socket.socketpair()
        with ours, theirs, ExitStack() as files:
            request, *shown = (files.enter_context(tempfile.TemporaryFile()) for _ in range(1 + len(turns)))
            known = None
            for turn, payload in zip(turns, shown, strict=True):
                torch.save(SentTurn(names=turn.names, parts=turn.parts.sendable(known)), payload)
                known = turn.parts
            refits = None
            descriptors = [request.fileno(), theirs.fileno()]
            if options.refit is not None:
                exchange = files.enter_context(tempfile.TemporaryFile())
                refits = RefitOutside(options.refit, turns[0].parts.model, turns[0].parts.inputs, exchange)
                descriptors.append(exchange.fileno())
            header: Request = {
                "kind": submission.kind,
                "where": submission.where,
                "content": submission.content,
                "scores": bool(turns),
                "threads": self.threads,
                "time_limit": options.time_limit,
                "chunk": options.chunk,
                "memory": options.memory + sum(payload.tell() for payload in shown),
                "processor_seconds": math.ceil((LOADING + measures * (options.time_limit + GRACE)) * self.threads),
            }
            torch.save(header, request)
            request.seek(0)
            try:
                socket.send_fds(control, [RUN], descriptors)
                theirs.close()
                names = [turn.names for turn in turns]
                return Session(ours, control, list(zip(names, shown, strict=True)), options.time_limit, refits).answer()
            except OSError as error:  # the trusted process is dead; the next request starts another
                self._stop()
                return Answer([[]], f"its process was lost ({error}).")

    def _start(self) -> socket.socket:
        """Return the socket to the process, which is started if there is none."""
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self._stop()
        ours, theirs = socket.socketpair()
        inside = self.isolation.kind == "bubblewrap"
        scratch = SCRATCH if inside else self._folder.name
        path = [str(ROOMS), *import_path()]
        start = f"import sys; sys.path[:0] = {path!r}; from harness.sandbox.worker import main; main()"
        command = [sys.executable, "-P", "-c", start, scratch]
        with theirs, tempfile.TemporaryFile() as output:
            self._process = subprocess.Popen(  # noqa: S603  Python itself
                wrap_in_bubblewrap(command, scratch) if inside else command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=output,
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
            output.seek(0)
            raise SandboxError(f"The sandbox ({self.isolation.kind}) does not start: {output.read().decode()[-2000:]}.")

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


def _replies_of_bad_end(
    names: Sequence[str], events: Sequence[Event], answer: Answer, time_limit: float, alone: bool
) -> dict[str, Reply]:
    """Return the replies of a turn that ended badly: of the running measure, or of all where none was running."""
    begun = [event["begun"] for event in events if "begun" in event and event["begun"] in names]
    outcome: Outcome = "timeout" if answer.overdue else "failed"
    seconds = time_limit if answer.overdue else 0.0
    why = f"In the sandbox, {answer.cause}"
    return {n: Reply(Score(None, outcome, seconds, 0, why)) for n in (names if alone or not begun else begun[-1:])}


def _replies_of_good_end(
    names: Sequence[str], events: Sequence[Event], submission: Submission, *, alone: bool
) -> dict[str, Reply]:
    """Return the replies of a turn that ended by itself: none that another measure may have affected."""
    said = {event["name"]: event for event in reversed(events) if event.get("name") in names}  # the first event counts
    changed = changes_in(events)
    if not alone:
        return {} if changed_inputs(changed) else {name: reply_of(event, submission) for name, event in said.items()}
    if not said:
        return {names[0]: Reply(Score(None, "failed", 0.0, 0, "In the sandbox, it ended without an answer."))}
    reply = reply_of(said[names[0]], submission)
    if wrong := changed_inputs(changed):
        why = f"A measure must leave the network and its data as they are; it changed {', '.join(wrong[:5])}."
        failure = Failure("changed inputs", why)
        score = replace(reply.score, value=None, outcome="failed", why=why, layers={}, failure=failure)
        reply = replace(reply, score=score)
    return {names[0]: replace(reply, touched=changed)}
