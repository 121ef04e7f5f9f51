"""Cache the shared passes over one network, each with its cost and the passes that it used."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from measures.time_limit import TimeLimitError, seconds_left

T = TypeVar("T")

RETRY: Final = 1.5  # a pass that was interrupted is started again where it has this many times as long


@dataclass
class _Pass:
    """One shared result, its cost without other passes, and the passes that it used."""

    value: Any
    seconds: float
    used: frozenset[str]


@dataclass
class _Frame:
    """A computation under way: the passes used so far and the seconds spent in them."""

    used: set[str] = field(default_factory=set)
    inner_seconds: float = 0.0


@dataclass
class Usage:
    """The cost of one measure.

    Attributes:
        seconds: what it would cost alone: its time and that of every pass that it used.
        passes: names of the shared passes used, directly or through another pass.
    """

    seconds: float
    passes: tuple[str, ...]


class PassCache:
    """Shared results of one network, each computed once, with its cost."""

    def __init__(self) -> None:
        self.passes: dict[str, _Pass] = {}
        self.frames: list[_Frame] = []
        self.interrupted: dict[str, float] = {}  # seconds that a pass ran before a time limit ended it

    def get(self, name: str, compute: Callable[[], T]) -> T:
        """The shared result of this name, computed at its first use.

        Raises:
            TimeLimitError: a time limit has ended the pass before, and this one leaves it little more.
        """
        if name not in self.passes:
            start = time.perf_counter()
            if seconds_left() < RETRY * self.interrupted.get(name, 0.0):
                raise TimeLimitError(f"The pass {name} that it shares with others has run out of time before.")
            try:
                value, frame, seconds = self._timed(compute)
            except TimeLimitError:
                self.interrupted[name] = time.perf_counter() - start
                raise
            self.passes[name] = _Pass(value, seconds, frozenset(frame.used))
        known = self.passes[name]
        if self.frames:
            self.frames[-1].used |= {name} | known.used
        return cast("T", known.value)

    def knows(self, name: str) -> bool:
        """Whether the shared result of this name has been computed."""
        return name in self.passes

    def own_seconds(self) -> dict[str, float]:
        """Seconds of each pass that has been computed, without those of the passes that it used."""
        return {name: known.seconds for name, known in self.passes.items()}

    def run(self, compute: Callable[[], T]) -> tuple[T, Usage]:
        """A result that is not shared, and its cost alone."""
        value, frame, seconds = self._timed(compute)
        alone = seconds + sum(self.passes[name].seconds for name in frame.used)
        return value, Usage(alone, tuple(sorted(frame.used)))

    def _timed(self, compute: Callable[[], T]) -> tuple[T, _Frame, float]:
        """The value, what was used, and the seconds that no inner pass accounts for."""
        frame = _Frame()
        self.frames.append(frame)
        start = time.perf_counter()
        try:
            value = compute()
        finally:
            whole = time.perf_counter() - start
            self.frames.pop()
            if self.frames:
                self.frames[-1].inner_seconds += whole
        return value, frame, whole - frame.inner_seconds
