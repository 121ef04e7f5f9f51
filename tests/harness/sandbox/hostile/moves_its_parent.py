"""It binds its parent to one processor."""

import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It binds its parent to one processor."""
    os.sched_setaffinity(os.getppid(), {min(os.sched_getaffinity(0))})
    return 0.0
