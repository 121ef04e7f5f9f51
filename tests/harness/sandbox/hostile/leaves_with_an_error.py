"""It ends its process with a status."""

import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It ends its process with a status."""
    os._exit(7)
