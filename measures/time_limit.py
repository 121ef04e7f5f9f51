"""Interrupt a block of code after some seconds, in any thread."""

import ctypes
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Final

_DEADLINE: Final = ContextVar("deadline", default=math.inf)  # of the block under way, by time.perf_counter


class TimeLimitError(BaseException):
    """The block has run too long; a BaseException, so that no measure catches it by accident."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TimeLimitError` in the block after `seconds`; never if None.

    In the main thread a signal interrupts it, within one operation of torch. Elsewhere it is interrupted between two
    instructions of Python, so that a long operation ends first.
    """
    if seconds is None:
        yield
        return
    main = threading.current_thread() is threading.main_thread()
    outside = _DEADLINE.set(time.perf_counter() + seconds)
    try:
        with _signal_after(seconds) if main else _exception_after(seconds):
            yield
    finally:
        _DEADLINE.reset(outside)


def seconds_left() -> float:
    """Seconds until the time limit of the block that is running; infinite without one."""
    return _DEADLINE.get() - time.perf_counter()


@contextmanager
def _signal_after(seconds: float) -> Iterator[None]:
    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TimeLimitError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _exception_after(seconds: float) -> Iterator[None]:
    thread = threading.get_ident()
    lock = threading.Lock()
    running = True

    def ring() -> None:
        with lock:
            if running:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeLimitError))

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            running = False
