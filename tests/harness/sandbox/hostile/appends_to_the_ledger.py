"""It writes to the ledger."""

from pathlib import Path

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It writes to the ledger."""
    with Path("@LEDGER@").open("ab") as file:
        return float(file.write(b"x"))
