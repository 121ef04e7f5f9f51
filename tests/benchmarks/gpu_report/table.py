"""Tables in Markdown, of what was found."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]


def table(columns: str, rows: Iterable[Sequence[object]]) -> list[str]:
    """A table in Markdown, with an empty line after it."""
    width = columns.count("|") + 1
    return [f"| {columns} |", "|---" * width + "|", *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]
