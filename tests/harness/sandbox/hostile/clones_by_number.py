"""It makes a process by the number of the call, past libc."""

import ctypes
import os
import platform
import signal

from measures import Subject, measure

CLONE = 56 if platform.machine() == "x86_64" else 220


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It makes a process by the number of the call, past libc."""
    libc = ctypes.CDLL(None, use_errno=True)
    if (child := libc.syscall(CLONE, int(signal.SIGCHLD), None, None, None, None)) < 0:
        raise OSError(ctypes.get_errno(), "It was not let.")
    return float(child or os.getpid())
