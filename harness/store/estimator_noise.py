"""Table of the estimator noise of the catalogue's measures; needs no torch.

`python -m harness.reports.estimator_noise` measures it on a zoo and writes the table beside this module.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).with_suffix(".csv")
COLUMNS: Final = ("measure", "version", "networks", "noise", "rank_noise")


@dataclass(frozen=True, slots=True)
class Noise:
    """The estimator noise of a measure.

    Attributes:
        measure: its name.
        version: its version.
        networks: how many have a score under every seed.
        noise: median over corruptions of `leaderboard.statistics.estimator_noise.estimator_noise`; 0 where the measure
            draws nothing; None where all networks of each corruption have the same score, or none has one.
        rank_noise: the same of `rank_noise`.
    """

    measure: str
    version: int
    networks: int
    noise: float | None
    rank_noise: float | None


def format_table(rows: Sequence[Noise]) -> str:
    """Format the measures as CSV; an empty cell is an undefined ratio."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        ratios = ["" if ratio is None else f"{ratio:.3g}" for ratio in (row.noise, row.rank_noise)]
        lines.append(",".join([row.measure, str(row.version), str(row.networks), *ratios]))
    return "\n".join(lines) + "\n"


def read_table(path: Path = TABLE) -> dict[str, Noise]:
    """Read the measures of a table that `format_table` wrote, by name; none where there is no file."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        row["measure"]: Noise(
            row["measure"],
            int(row["version"]),
            int(row["networks"]),
            float(row["noise"]) if row["noise"] else None,
            float(row["rank_noise"]) if row["rank_noise"] else None,
        )
        for row in rows
    }
