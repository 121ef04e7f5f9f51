"""It reads the memory of the process that started it."""

import os
from pathlib import Path

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It reads the memory of the process that started it."""
    with Path(f"/proc/{os.getppid()}/mem").open("rb") as memory:
        return float(memory.fileno())
