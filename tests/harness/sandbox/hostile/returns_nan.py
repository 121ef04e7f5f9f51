"""It returns no number."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It returns no number."""
    return float("nan")
