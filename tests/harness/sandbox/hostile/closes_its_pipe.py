"""It hangs up."""

import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It hangs up."""
    os.closerange(0, 256)
    return 0.0
