"""It leaves a process behind that changes what comes later."""

import os
import time

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It leaves a process behind that changes what comes later."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(1e6)
    return 0.0
