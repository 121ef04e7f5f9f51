"""The short form of the reason why a measure has no score."""

import re


def last_line(text: str) -> str:
    """Return the last line of a reason or traceback, an exception's name without its modules."""
    last = (text.strip().splitlines() or ["no reason was given."])[-1]
    return re.sub(r"^(\w+\.)+(\w+)", r"\2", last)
