"""Shared results of one network: each computed once, with what it cost and which others it used."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")


@dataclass
class _Pass:
    """One shared result: what it is, what it cost by itself, and which other passes it used."""

    value: Any
    seconds: float
    used: frozenset[str]


@dataclass
class _Frame:
    """What is being computed: the passes that it has used and the seconds spent inside them."""

    used: set[str] = field(default_factory=set)
    inner_seconds: float = 0.0


@dataclass
class Usage:
    """What one measure cost.

    Attributes:
        seconds: what it would have cost alone: its own time and that of every pass that it used.
        passes: names of the shared passes used, directly or through another pass.
    """

    seconds: float
    passes: tuple[str, ...]


class PassCache:
    """Shared results of one network, each computed once, with its cost."""

    def __init__(self) -> None:
        self.passes: dict[str, _Pass] = {}
        self.frames: list[_Frame] = []

    def get(self, name: str, compute: Callable[[], T]) -> T:
        """The shared result of this name, computed now if it is the first to be asked for."""
        if name not in self.passes:
            value, frame, seconds = self._timed(compute)
            self.passes[name] = _Pass(value, seconds, frozenset(frame.used))
        known = self.passes[name]
        if self.frames:
            self.frames[-1].used |= {name} | known.used
        return cast("T", known.value)

    def knows(self, name: str) -> bool:
        """Whether the shared result of this name has been computed."""
        return name in self.passes

    def run(self, compute: Callable[[], T]) -> tuple[T, Usage]:
        """A result that is not shared, and what it would have cost alone."""
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
