"""Its answer is nested deeper than a parser follows."""

import contextlib
import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """Its answer is nested deeper than a parser follows."""
    for descriptor in range(256):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"[" * 100_000 + b"\n")
    return 0.0
