"""It debugs its parent, through libc."""

import ctypes
import os

from measures import Subject, measure

PTRACE_SEIZE = 0x4206


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It debugs its parent, through libc."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_SEIZE, os.getppid(), None, None) != 0:
        raise OSError(ctypes.get_errno(), "It was not let near.")
    return 0.0
