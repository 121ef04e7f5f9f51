"""It writes into everything that is open."""

import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It writes into everything that is open."""
    for descriptor in range(256):
        try:
            os.write(descriptor, b"nonsense\n")
        except OSError:
            continue
    return 0.0
