"""It empties the ledger."""

import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It empties the ledger."""
    os.truncate("@LEDGER@", 0)
    return 0.0
