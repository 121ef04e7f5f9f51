"""It breaks whatever is called after it."""

import sys

from measures import Subject, measure


def broken(*_: object) -> None:
    """Fail."""
    raise OSError("nothing goes on after me")


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It breaks whatever is called after it."""
    sys.setprofile(broken)
    return 0.0
