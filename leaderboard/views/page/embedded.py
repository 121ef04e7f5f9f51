"""Data embedded in the page: the ledger as columns, and what the ranking adds."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.ledger.controls import with_controls
from leaderboard.ledger.read import check_ledger, names_of
from leaderboard.ledger.targets import target_of, words_of
from leaderboard.ranking.rank import order
from leaderboard.ranking.report import Report

CURVE: Final = 64  # points of a learning curve: more than a plot shows, and 3,000 curves stay below a megabyte
EXACT: Final = 2**53  # whole numbers below it are doubles


def embedded(report: Report, ledger: pd.DataFrame, curves: Mapping[str, Sequence[float]]) -> dict[str, object]:
    """Build the page's data: the ledger's columns, with exact doubles, and what the ranking adds.

    Networks are grouped and coloured by the hyperparameter within which the report ranks, if any.

    Args:
        report: the ranking.
        ledger: the networks.
        curves: training loss of each epoch by run_id.
    """
    whole = check_ledger(ledger)
    rows, runs = select_ranked(report, whole)
    own = ledger if "run_id" in ledger else whole
    made = [name for name in names_of(runs, "measure") if f"measure.{name}" not in ledger]
    return {
        "target": words_of(report.target),
        "ledger": {str(name): _encoded(own[name]) for name in own},
        "rows": rows.tolist(),
        "gap": _base64(target_of(runs, report.target).to_numpy(np.float64), "<f8"),
        "group": report.within.hp if report.within else None,
        "hyperparameters": names_of(runs, "hp"),
        "controls": {name: _base64(runs[f"measure.{name}"].to_numpy(np.float64), "<f4") for name in made},
        "measures": {
            name: {
                "psi": entry.Psi,
                "sign": entry.direction,
                "seconds": entry.cost.median_seconds,
                "control": entry.control,
                "front": entry.pareto is True,
                "psi_of": list(entry.psi.values()),
            }
            for name in order(report)
            for entry in [report.measures[name]]
        },
        "curves": _curves(whole["run_id"], curves),
    }


def select_ranked(report: Report, whole: pd.DataFrame) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Select the networks that the report ranks: their rows, and they with the scores of the controls."""
    kept = target_of(whole, report.target).notna()
    if report.converged_only and "converged" in whole:
        kept &= whole["converged"]
    runs = with_controls(whole[kept].reset_index(drop=True), report.target, report.seed)[0]
    return np.flatnonzero(kept.to_numpy()), runs


def thin_epochs(length: int) -> list[int]:
    """Choose the epochs, from 0, of a learning curve that the page keeps: at most `CURVE`, including both ends."""
    if length <= CURVE:
        return list(range(length))
    return [place * (length - 1) // (CURVE - 1) for place in range(CURVE)]


def _curves(run_ids: "pd.Series[str]", curves: Mapping[str, Sequence[float]]) -> dict[str, str] | None:
    """Encode the lengths of the curves, 0 if there is none, and their thinned values one after the other."""
    if not curves:
        return None
    losses = [curves.get(run_id, ()) for run_id in run_ids]
    kept = [each[epoch] for each in losses for epoch in thin_epochs(len(each))]
    return {
        "lengths": _base64(np.array([len(each) for each in losses]), "<u4"),
        "values": _base64(np.array(kept, dtype=np.float64), "<f4"),
    }


def _encoded(values: "pd.Series[Any]") -> dict[str, object]:
    """Encode a column: numbers as base64 of doubles, anything else as distinct texts and their indices."""
    number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if number and not (pd.api.types.is_integer_dtype(values) and values.abs().max() >= EXACT):
        return {"numbers": _base64(values.to_numpy(dtype=np.float64, na_value=np.nan), "<f8")}
    codes, distinct = pd.factorize(values, sort=False)
    return {"texts": [str(text) for text in distinct], "codes": _base64(codes, "<i4")}


def _base64(values: NDArray[Any], dtype: str) -> str:
    with np.errstate(over="ignore"):  # beyond single precision is infinite, which is not drawn
        return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode()
