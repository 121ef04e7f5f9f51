"""It fills shared memory."""

import mmap

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It fills shared memory."""
    held = []
    while True:
        held.append(mmap.mmap(-1, 1 << 28))
