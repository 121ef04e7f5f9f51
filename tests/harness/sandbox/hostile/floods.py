"""It sends without end."""

import contextlib
import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It sends without end."""
    while True:
        for descriptor in range(256):
            with contextlib.suppress(OSError):
                os.write(descriptor, b"[" * 65536)
