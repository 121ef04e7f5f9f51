"""Measures of the literature that the catalogue leaves out, and why."""

from typing import Final

ABSENT: Final[dict[str, str]] = {}
