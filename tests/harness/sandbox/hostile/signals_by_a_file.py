"""It has the kernel send a signal to its parent, when a pipe has something to say."""

import fcntl
import os
import signal

from measures import Subject, measure

F_SETSIG = 10


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It has the kernel send a signal to its parent, when a pipe has something to say."""
    ours, theirs = os.pipe()
    fcntl.fcntl(ours, fcntl.F_SETOWN, os.getppid())
    fcntl.fcntl(ours, F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    os.write(theirs, b"x")
    return 0.0
