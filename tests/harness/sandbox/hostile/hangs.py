"""It never returns."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It never returns."""
    while True:
        pass
