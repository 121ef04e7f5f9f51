"""One sentence on what the networks of a ranking can settle."""

from statistics import median
from typing import Final

from leaderboard.ranking.report import Report
from leaderboard.ranking.significance import SETTLED

LARGEST: Final = 2.0  # difference of two Psi


def say_settled(report: Report) -> str:
    """Say which difference of two Psi networks like these would show with a power of 80 %, and what was found."""
    errors = [error for row in report.comparisons.standard_error for error in row if error is not None]
    networks = f"{report.models} network{'s' * (report.models != 1)} in {report.configurations} settings"
    difference = SETTLED * median(errors) if errors else LARGEST
    if difference >= LARGEST:
        return f"{networks} cannot tell two measures apart: a first look, not a result."
    better = sum(
        not entry.control and entry.told_from.random is not None and entry.told_from.random.verdict == "better"
        for entry in report.measures.values()
    )
    return (
        f"{networks} tell two measures apart if their Psi differ by about {difference:.2f}; "
        f"{better} of {report.family.measures} measures are better than chance."
    )
