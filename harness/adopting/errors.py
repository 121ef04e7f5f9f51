"""Errors of adopting networks: each is a sentence on one row, or on what all rows share."""

from harness.errors import HarnessError


class AdoptError(HarnessError):
    """A network, its data or the table cannot be used as given; the message says what to change."""
