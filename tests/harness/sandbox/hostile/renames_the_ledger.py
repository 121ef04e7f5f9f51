"""It moves the ledger."""

from pathlib import Path

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It moves the ledger."""
    Path("@LEDGER@").rename("elsewhere")
    return 0.0
