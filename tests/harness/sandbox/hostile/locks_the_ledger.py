"""It makes the ledger unreadable."""

from pathlib import Path

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It makes the ledger unreadable."""
    Path("@LEDGER@").chmod(0)
    return 0.0
