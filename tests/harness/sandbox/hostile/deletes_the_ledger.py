"""It deletes the ledger."""

from pathlib import Path

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It deletes the ledger."""
    Path("@LEDGER@").unlink()
    return 0.0
