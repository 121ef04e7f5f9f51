"""It returns what is not finite."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It returns what is not finite."""
    return float("inf")
