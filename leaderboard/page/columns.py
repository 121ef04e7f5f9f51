"""The part of a ledger that the page's plots draw from, as short columns for its JSON block."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from leaderboard.controls import with_controls
from leaderboard.ledger import checked, names_of, target_of
from leaderboard.ranking import order
from leaderboard.standings import plain_name

DIGITS: Final = 7  # of a number in the page: more than a plot shows, and 3,000 networks by 160 measures stay small
TARGETS: Final = {"gap": "generalization gap", "loss_gap": "loss gap", "test_error": "test error"}


def plot_data(report: Mapping[str, Any], ledger: pd.DataFrame) -> dict[str, Any]:
    """Columns of the ranked networks: identity, group, hyperparameters, target and scores, null where there is none.

    Networks are grouped, and coloured, by the hyperparameter within which the report ranks; without one, all are one.
    """
    runs = ranked_networks(report, ledger)
    within = report["within"]["hp"] if report["within"] else None
    return {
        "target": TARGETS[report["target"]],
        "run_id": runs["run_id"].to_list(),
        "group": _coded(runs[within] if within else pd.Series("all networks", index=runs.index)),
        "hyperparameters": {plain_name(name): _coded(runs[name]) for name in names_of(runs, "hp")},
        "gap": _numbers(target_of(runs, report["target"])),
        "scores": {name: _numbers(runs[f"measure.{name}"]) for name in order(report)},
    }


def ranked_networks(report: Mapping[str, Any], ledger: pd.DataFrame) -> pd.DataFrame:
    """The networks that the report ranks, with the scores of the controls that were made for it."""
    whole = checked(ledger)
    kept = target_of(whole, report["target"]).notna()
    if report["converged_only"] and "converged" in whole:
        kept &= whole["converged"]
    return with_controls(whole[kept].reset_index(drop=True), report["target"], report["seed"])[0]


def _coded(values: "pd.Series[Any]") -> dict[str, Sequence[Any]]:
    """A column of few distinct values: the values as text, and for each network the place of its own."""
    codes, distinct = pd.factorize(values.map(_as_text), sort=False)
    return {"values": [str(value) for value in distinct], "codes": [int(code) for code in codes]}


def _as_text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _numbers(values: "pd.Series[Any]") -> list[float | None]:
    numbers = pd.to_numeric(values, errors="coerce").astype(float).to_list()
    return [float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None for number in numbers]
