"""Tables of the findings in Markdown: leading measures, and the farthest from published figures."""

from typing import Final

from leaderboard.findings.published import PublishedAgreement
from leaderboard.ranking.entry import LabelEquivalents
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import ranked_names
from leaderboard.statistics.resampling import Interval
from leaderboard.views.families import plain_family
from leaderboard.views.markdown_table import Alignment, code, write_table

ROWS: Final = 15  # leading measures
APART: Final = 5  # published measures
NOTHING: Final = "–"

Columns = list[tuple[str, Alignment]]


def leading_table(report: Report) -> str:
    """Write one row for each of the leading measures; empty where nothing takes a rank."""
    rows = []
    for place, name in enumerate(ranked_names(report)[:ROWS], 1):
        entry = report.measures[name]
        labels, seconds = entry.label_equivalents, entry.cost.median_seconds
        rows.append(
            [
                str(place),
                code(name),
                plain_family(entry.family or ""),
                f"{entry.directed_psi or 0.0:+.3f}",
                directed_interval(entry.interval.Psi, entry.direction),
                entry.about.track or NOTHING,
                str(entry.n),
                NOTHING if labels is None else _labels(labels),
                NOTHING if seconds is None else f"{seconds:.2g}",
            ]
        )
    columns: Columns = [
        ("rank", "right"), ("measure", "left"), ("family", "left"), ("Psi", "right"), ("95 %", "left"),
        ("sees", "left"), ("networks", "right"), ("labels", "right"), ("seconds", "right"),
    ]  # fmt: skip
    return write_table(columns, rows) if rows else ""


def published_table(published: PublishedAgreement) -> str:
    """Write one row for each of the measures whose rank differs most from the published one."""
    columns: Columns = [
        ("measure", "left"), ("published", "right"), ("rank", "right"), ("here", "right"), ("rank here", "right"),
        ("errs most along, here", "left"),
    ]  # fmt: skip
    rows = [
        [
            code(one.name),
            f"{one.published:.3f}",
            str(one.published_rank),
            f"{one.here:.3f}",
            str(one.rank),
            NOTHING if one.worst is None else f"{one.worst[0]}, {one.worst[1]:.2f}",
        ]
        for one in published.apart[:APART]
    ]
    return write_table(columns, rows)


def _labels(labels: LabelEquivalents) -> str:
    return "< 1" if labels.examples < 1 else f"{'> ' if labels.censored else ''}{labels.examples:,.0f}"


def directed_interval(interval: Interval | None, sign: int) -> str:
    """Write an interval times a sign; a dash where there is none."""
    if interval is None:
        return NOTHING
    low, high = interval.times(sign)
    return f"{low:+.2f} to {high:+.2f}"
