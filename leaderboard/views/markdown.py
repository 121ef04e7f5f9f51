"""Leaderboard as a table in Markdown, and the text file that holds it between two marks."""

from collections.abc import Sequence
from itertools import compress
from typing import Final

from leaderboard.errors import RankingError
from leaderboard.ranking.excerpt import Ranking
from leaderboard.statistics.estimator_noise import LIMIT
from leaderboard.views.markdown_table import Alignment, code, escape, write_table
from leaderboard.views.rows import Figure, Row, apart_name, rows_of
from leaderboard.views.terminal import (
    DASH,
    SOME,
    first_rows,
    format_duration,
    format_labels,
    format_noise,
    format_number,
    format_range,
    headline,
)

BEGIN: Final = "<!-- leaderboard: made by `gapbench table`, see CONTRIBUTING.md -->"
END: Final = "<!-- end of leaderboard -->"
ROWS: Final = 15  # measures that are listed
COLUMNS: Final[tuple[tuple[str, Alignment], ...]] = (
    ("rank", "right"),
    ("measure", "left"),
    ("family", "left"),
    ("Psi", "right"),
    ("95 %", "left"),
    ("better than", "left"),
    ("across", "right"),
    ("tau-b within", "right"),
    ("gate AUC", "right"),
    ("labels", "right"),
    ("track", "left"),
    ("networks", "right"),
    ("cost", "right"),
)
NOTE: Final = (
    "Psi, tau-b and gate AUC are in the expected direction, so that larger is better; ↓ marks a measure whose raw "
    "score should fall as the gap grows."
)

UNKNOWN: Final = " ? marks one whose sign is unknown, which is ordered by |Psi|."


def markdown(ranking: Ranking, rows: int = ROWS) -> str:
    """Write the best measures as a table, the controls among them in italics, under a sentence on what was ranked.

    Args:
        ranking: a report or its excerpt.
        rows: how many measures; the controls that stand among them come on top.
    """
    every = rows_of(ranking)
    ranked = [row for row in every if row.place is not None]
    listed = first_rows(every, rows)
    made = ranking.provenance or {}
    suite = "".join(f"{made[key]}, " for key in ("suite", "date") if made.get(key))
    hp = apart_name(ranking)
    within = f" Psi compares within {escape(hp)}; *across* is psi along {escape(hp)} alone." if hp else ""
    cells = [_cells(row, ranking.models) for row in listed]
    kept = [name not in SOME or any(line[place] != DASH for line in cells) for place, (name, _) in enumerate(COLUMNS)]
    table = write_table(tuple(compress(COLUMNS, kept)), (tuple(compress(line, kept)) for line in cells))
    return (
        f"{escape(suite)}{escape(headline(ranking))}. The first {min(rows, len(ranked))} of {len(ranked)} are shown. "
        f"{NOTE}{UNKNOWN if any(row.sign == 'unknown' for row in listed) else ''}{within}{_say_noisy(every)}\n\n{table}"
    )


def insert_table(text: str, table: str) -> str:
    """Put the table between the marks of a text.

    Raises:
        RankingError: the marks are not there, once each and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise RankingError(f"The file must contain the lines {BEGIN!r} and {END!r}, once each and in this order.")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def _say_noisy(rows: Sequence[Row]) -> str:
    """Name the measures whose estimators are too noisy to rank, in a sentence."""
    noisy = [f"{code(row.name)} ({format_noise(row.noise)})" for row in rows if row.ranks_draws]
    if not noisy:
        return ""
    return (
        f" Not ranked, because over draws of their estimator scores spread by more than {LIMIT} of their spread over "
        f"networks: {', '.join(noisy)}."
    )


def _cells(row: Row, models: int) -> tuple[str, ...]:
    name = code(row.name)
    name = f"*{name}*" if row.control else name
    psi, across, within = (each.times(row.direction) for each in (row.psi, row.across, row.tau_b_within))
    auc = row.gate.value if row.gate.value is None or row.direction > 0 else 1 - row.gate.value
    return (
        DASH if row.place is None else str(row.place),
        name + " ↓" * (row.direction < 0) + " ?" * (row.sign == "unknown"),
        escape(row.family) or DASH,
        format_number(psi),
        format_range(psi),
        row.better_than or DASH,
        format_number(across),
        format_number(within),
        format_number(Figure(value=auc), signed=False),
        format_labels(row.labels).replace("<", "&lt;"),
        escape(row.track) or DASH,
        str(row.networks) if row.networks == models else f"{row.networks} of {models}",
        format_duration(row.seconds),
    )
