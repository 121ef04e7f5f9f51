"""It opens the store by the project's own code."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It opens the store by the project's own code."""
    from harness.store.store import Store

    return float(len(Store.__doc__ or ""))
