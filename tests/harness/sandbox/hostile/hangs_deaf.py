"""It never returns, and catches whatever interrupts it."""

import contextlib

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It never returns, and catches whatever interrupts it."""
    while True:
        with contextlib.suppress(BaseException):
            while True:
                pass
