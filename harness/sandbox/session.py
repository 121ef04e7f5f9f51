"""One request as it is heard: what a fork says, turn by turn, until it has ended or is overdue."""

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

GRACE: Final = 2.0  # seconds beyond the limit, in which a measure that heeds its alarm says so
LOADING: Final = 60.0  # seconds to read a request and to run the submitted file
LONGEST_ANSWER: Final = 16 << 20  # bytes; hundreds of measures with their layers take a tenth

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one fork said, turn by turn, and how it ended.

    Attributes:
        turns: the events of each turn that was begun; what comes before the first belongs to it.
        cause: of an end that is not as it should be; empty otherwise.
        overdue: whether it was killed for its time.
    """

    turns: Sequence[Sequence[Event]]
    cause: str
    overdue: bool = False


class Hearing:
    """Hears a fork: events come over its channel, how it ended over the control socket of the trusted process.

    What a turn shows is sent when all that was asked in the turn before has been answered, and no earlier: nothing of
    it is in the fork while a measure runs that must not see it.

    Args:
        channel: to the fork.
        control: to the process that forked it.
        turns: for each turn the measures that it asks for, and a file with what they see.
        seconds: that one measure may take, trainings included.
        refits: trains networks anew for those that may ask for it.
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
        self.rest, self.heard = bytearray(), 0
        self.wrong = ""
        self.deadline = time.monotonic() + LOADING

    def answer(self) -> Answer:
        """All of it.

        Raises:
            OSError: the trusted process is lost.
        """
        self.channel.setblocking(False)
        self._show()
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

    def _show(self) -> None:
        """Send what the turn in hand is about; after the last, say that there is no more."""
        number = len(self.turns) - 1
        with suppress(OSError):  # it has hung up, and its end is heard of
            if number < len(self.asked):
                _, payload = self.asked[number]
                payload.seek(0)
                socket.send_fds(self.channel, [TURN], [payload.fileno()])
            else:
                self.channel.shutdown(socket.SHUT_WR)

    def _turn_ended(self) -> None:
        """Go on to the next turn if all of this one was answered and nothing is spoiled."""
        said = [event.get("name") for event in self.turns[-1]]
        answered = all(name in said for name in self._names())
        if answered and not spoiled(touched(self.turns[-1])) and len(self.turns) < len(self.asked):
            self.turns.append([])
            self.deadline = time.monotonic() + LOADING
            self._show()
        else:
            with suppress(OSError):
                self.channel.shutdown(socket.SHUT_WR)

    def _train(self, asked: object) -> None:
        """Have networks trained and send them; the time that it takes is the measure's."""
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
        """Read what there is; False if there is, or comes, no more."""
        try:
            content = self.channel.recv(1 << 16)
        except OSError:  # nothing now, or never again
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


def touched(events: Sequence[Event]) -> tuple[str, ...]:
    """What was found changed at the end of a turn, by what it is called; to say the end twice hides nothing."""
    return tuple(dict.fromkeys(str(name) for event in events for name in event.get("end", ())))


def spoiled(names: Sequence[str]) -> list[str]:
    """Of what was changed that on which other measures depend; chance is drawn by name, from no global generator."""
    return [name for name in names if name != "random state"]
