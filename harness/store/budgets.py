"""Table of what the catalogue's measures compute: forward passes, gradients or curvature; needs no torch.

`python -m harness.reports.budget_table` finds it out on a network of a zoo and writes the table beside this module.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from leaderboard.findings.situations import Budget

TABLE: Final = Path(__file__).with_suffix(".csv")
COLUMNS: Final = ("measure", "budget")


def format_budgets(budgets: Mapping[str, Budget]) -> str:
    """Format the budgets as CSV, in alphabetical order."""
    return "".join(f"{','.join(line)}\n" for line in (COLUMNS, *sorted(budgets.items())))


def read_budgets(path: Path = TABLE) -> dict[str, Budget]:
    """Read the budgets of a table that `format_budgets` wrote, by measure; none where there is no file."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["measure"]: cast("Budget", row["budget"]) for row in csv.DictReader(file)}
