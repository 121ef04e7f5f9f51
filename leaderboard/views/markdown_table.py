"""Write tables in Markdown."""

from collections.abc import Iterable, Sequence
from typing import Literal

Alignment = Literal["left", "right"]


def left(*headers: str) -> tuple[tuple[str, Alignment], ...]:
    """Columns that are all aligned to the left."""
    return tuple((header, "left") for header in headers)


def write_table(columns: Sequence[tuple[str, Alignment]], rows: Iterable[Sequence[str]]) -> str:
    """Write a table.

    Args:
        columns: the header and the alignment of each.
        rows: cells in Markdown; see `escape`.
    """
    head = _line([header for header, _ in columns])
    rule = "|".join("--:" if alignment == "right" else "---" for _, alignment in columns)
    return f"{head}|{rule}|\n{''.join(map(_line, rows))}"


def escape(text: str) -> str:
    """Put text on one line on which it ends no cell and opens no tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;") + (" " if text.endswith(" ") else "")


def code(text: str) -> str:
    """Set text as code."""
    return f"`{escape(text).replace('`', chr(39))}`"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
