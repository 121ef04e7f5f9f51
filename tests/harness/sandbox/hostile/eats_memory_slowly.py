"""It fills memory bit by bit."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It fills memory bit by bit."""
    held = []
    while True:
        held.append(bytearray(b"x") * (1 << 24))
