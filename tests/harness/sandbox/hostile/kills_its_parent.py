"""It kills the process that started it."""

import os
import signal

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It kills the process that started it."""
    os.kill(os.getppid(), signal.SIGKILL)
    return 0.0
