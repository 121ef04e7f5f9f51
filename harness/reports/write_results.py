"""Files that `gapbench run` leaves beside the store: ledger, claims, ranking and page."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape

from harness.reports.page import build_page
from harness.reports.ranking import CLAIMS, describe_measures
from harness.store.atomic_write import write_text, written_whole
from harness.store.provenance import suites_of
from harness.store.snapshot import write_snapshot
from harness.store.store import Store
from harness.store.to_ledger import curves_of, evidence_of, frame_of, provenance_of
from leaderboard.claims import Claim, judge
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report


def write_results(store: Store, claims: Sequence[Claim]) -> Report:
    """Rank a zoo and write ledger, claims, ranking and page, each file whole or not at all."""
    ledger, provenance = frame_of(store), provenance_of(store)
    judged = judge(claims, evidence_of(store))
    ranking = rank(ledger, metadata=describe_measures(store.metadata()))
    report = replace(ranking, provenance=provenance, claims=judged)
    write_text(store.folder / CLAIMS, json.dumps([asdict(claim) for claim in judged], indent=1, allow_nan=False))
    write_snapshot(store.folder, ledger, provenance)
    write_text(store.folder / "leaderboard.json", json.dumps(report.to_json(), indent=1, allow_nan=False))
    write_text(store.folder / "leaderboard.html", build_page(report, ledger, curves_of(store)))
    return report


def write_ledger(ledger: pd.DataFrame, path: Path) -> None:
    """Write a ledger as CSV or Parquet, according to the suffix."""
    with written_whole(path) as temporary:
        if path.suffix == ".csv":
            ledger.to_csv(temporary, index=False)
        else:
            ledger.to_parquet(temporary, index=False)


def report_repairs(store: Store, console: Console) -> None:
    """Print what the store found damaged, once."""
    for repair in store.repairs:
        console.print(f"[yellow]{escape(repair)}", highlight=False, soft_wrap=True)
    store.repairs.clear()


def suites_in(store: Store) -> str:
    """Return the suites that the networks of a zoo were trained for."""
    return suites_of((run.provenance for run in store.runs().values()), store.folder.resolve().name)
