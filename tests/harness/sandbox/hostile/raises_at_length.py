"""Its message is a hundred megabytes."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """Its message is a hundred megabytes."""
    raise ValueError("x" * 10**8)
