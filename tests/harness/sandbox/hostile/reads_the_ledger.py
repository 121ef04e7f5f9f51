"""It reads the ledger."""

from pathlib import Path

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It reads the ledger."""
    return float(len(Path("@LEDGER@").read_bytes()))
