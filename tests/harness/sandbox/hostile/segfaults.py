"""It reads address zero."""

import ctypes

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It reads address zero."""
    return float(len(ctypes.string_at(0)))
