"""It returns text."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It returns text."""
    return "large"  # type: ignore[return-value]
