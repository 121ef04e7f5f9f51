"""Page of a ranking, with the selection figures of the same networks."""

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from leaderboard.errors import LedgerError
from leaderboard.ranking.report import Report
from leaderboard.selection.select import SelectionReport, select
from leaderboard.views.page import build
from leaderboard.views.rows import plain_name

MOST: Final = 1000  # networks: the figures take as long as their number squared


def build_page(report: Report, ledger: pd.DataFrame, curves: Mapping[str, Sequence[float]]) -> str:
    """Build the page of a ranking; see `leaderboard.views.page.build`.

    Args:
        report: the ranking, with its provenance.
        ledger: one row for each network.
        curves: training loss of each epoch by run_id.
    """
    selection = select_as_ranked(report, ledger)
    return build(report, ledger, report.provenance or {}, curves=curves, selection=selection)


def select_as_ranked(report: Report, ledger: pd.DataFrame) -> SelectionReport | None:
    """Compute the selection figures with the options of a ranking, those of `gapbench select`.

    None where nothing can be selected, or from more than `MOST` networks.
    """
    if report.models > MOST:
        return None
    try:
        return select(
            ledger,
            target=report.target,
            within=None if report.within is None else plain_name(report.within.hp),
            bootstrap=report.bootstrap,
            metadata={name: entry.about.to_json() for name, entry in report.measures.items()},
            converged_only=report.converged_only,
        )
    except LedgerError:
        return None
