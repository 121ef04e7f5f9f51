"""It looks for other measures' scores."""

from pathlib import Path

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It looks for other measures' scores."""
    return float(len(list(Path("@FOLDER@").iterdir())))
