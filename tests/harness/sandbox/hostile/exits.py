"""It raises what ends a program."""

import sys

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It raises what ends a program."""
    sys.exit(0)
