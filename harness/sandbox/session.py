"""Read the answer of a fork to one request, turn by turn, until it has ended or is overdue."""

import json
import os
import selectors
import signal
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final

from harness.sandbox.retraining import RefitOutside
from harness.sandbox.worker import ENDED, KILL, TURN

GRACE: Final = 2.0  # seconds beyond the limit, in which a measure can report its own alarm
LOADING: Final = 60.0  # seconds to read a request and to import the submitted file
LONGEST_ANSWER: Final = 16 << 20  # bytes; hundreds of measures with their layers take a tenth

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Events of one fork, turn by turn, and how it ended.

    Attributes:
        turns: events of each turn that was begun; events before the first turn belong to it.
        cause: reason of a bad end; empty for a good one.
        overdue: whether it was killed at its time limit.
    """

    turns: Sequence[Sequence[Event]]
    cause: str
    overdue: bool = False


class Session:
    """Session with a fork: events come over its channel, its exit status over the trusted process's control socket.

    The inputs of a turn are sent after the previous turn has been answered: they are not in the fork while a measure
    runs that must not see them.

    Args:
        channel: to the fork.
        control: to the process that forked it.
        turns: for each turn the names of its measures, and a file with their inputs.
        seconds: limit of one measure, trainings included.
        refits: trains networks for measures that may request it.
    """

    def __init__(
        self,
        channel: socket.socket,
        control: socket.socket,
        turns: Sequence[tuple[Sequence[str], IO[bytes]]],
        seconds: float,
        refits: RefitOutside | None = None,
    ) -> None:
        self.channel, self.control, self.asked, self.seconds = channel, control, turns, seconds
        self.refits = refits
        self.turns: list[list[Event]] = [[]]
        self.rest, self.received = bytearray(), 0
        self.wrong = ""
        self.deadline = time.monotonic() + LOADING

    def answer(self) -> Answer:
        """Read events until the fork has ended.

        Raises:
            OSError: the trusted process is dead.
        """
        self.channel.setblocking(False)
        self._send_turn()
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            selector.register(self.control, selectors.EVENT_READ)
            while not self.wrong:
                ready = {key.fileobj for key, _ in selector.select(max(0.0, self.deadline - time.monotonic()))}
                if not ready:
                    self._ended(kill=True)
                    limit = self.seconds if self._begun() else LOADING
                    return Answer(self.turns, f"it ran longer than {limit:g} s and was killed.", overdue=True)
                if self.channel in ready and not self._read():
                    selector.unregister(self.channel)
                if self.control in ready:
                    status = self._ended()
                    while self._read():
                        pass
                    return Answer(self.turns, self.wrong or self._cause(status))
        self._ended(kill=True)
        return Answer(self.turns, self.wrong)

    # -- turns ---------------------------------------------------------------------------------------------------------

    def _send_turn(self) -> None:
        """Send the inputs of the current turn, or the end of input after the last one."""
        number = len(self.turns) - 1
        with suppress(OSError):  # it has closed the channel, and its exit is read next
            if number < len(self.asked):
                _, payload = self.asked[number]
                payload.seek(0)
                socket.send_fds(self.channel, [TURN], [payload.fileno()])
            else:
                self.channel.shutdown(socket.SHUT_WR)

    def _turn_ended(self) -> None:
        """Start the next turn if all measures of this one have answered and left their inputs unchanged."""
        said = [event.get("name") for event in self.turns[-1]]
        answered = all(name in said for name in self._names())
        if answered and not changed_inputs(changes_in(self.turns[-1])) and len(self.turns) < len(self.asked):
            self.turns.append([])
            self.deadline = time.monotonic() + LOADING
            self._send_turn()
        else:
            with suppress(OSError):
                self.channel.shutdown(socket.SHUT_WR)

    def _train(self, asked: object) -> None:
        """Train networks and send them; the time counts as the measure's."""
        if self.refits is not None:
            with tempfile.TemporaryFile() as payload, suppress(OSError):
                self.refits.answer(asked, payload)
                payload.seek(0)
                socket.send_fds(self.channel, [TURN], [payload.fileno()])

    def _names(self) -> Sequence[str]:
        number = len(self.turns) - 1
        return self.asked[number][0] if number < len(self.asked) else ()

    def _begun(self) -> int:
        return sum("begun" in event for event in self.turns[-1])

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _read(self) -> bool:
        """Read what has arrived; False if nothing has or nothing more will."""
        try:
            content = self.channel.recv(1 << 16)
        except OSError:  # nothing now, or no more
            return False
        self.received += len(content)
        if self.received > LONGEST_ANSWER:
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
        known = isinstance(event, dict) and isinstance(event.get("end", []), list)
        if not known or ("refit" in event and self.refits is None):
            self.wrong = "it sent a malformed answer."
            return
        self.turns[-1].append(event)
        if "begun" in event and self._begun() <= len(self._names()):
            self.deadline = time.monotonic() + self.seconds + GRACE
        if "refit" in event:
            self._train(event["refit"])
        if "end" in event:
            self.deadline = min(self.deadline, time.monotonic() + LOADING)
            self._turn_ended()

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
        events = [event for turn in self.turns for event in turn]
        stopped = next((event["stopped"] for event in events if "stopped" in event), None)
        if stopped is not None:
            return str(stopped).strip()
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}."
        if events and "refused" in events[0]:
            return str(events[0]["refused"])
        finished = events and ("end" in events[-1] or "described" in events[-1])
        return "" if code == 0 and finished else f"its process ended with exit code {code}."


def changes_in(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the names of what was changed in a turn; a repeated end event hides nothing."""
    return tuple(dict.fromkeys(str(name) for event in events for name in event.get("end", ())))


def changed_inputs(names: Sequence[str]) -> list[str]:
    """Return those changes that affect other measures: random draws are seeded by name, not from a global generator."""
    return [name for name in names if name != "random state"]
