"""Rank correlations of many measures with the gap, fast enough for every bootstrap resample."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROW: Final = "row"


class RankTable:
    """Kendall's tau-b of measures with the generalization gap, over weighted networks.

    A network drawn twice counts twice and is tied with itself. Measures without a score for some network are left out.

    Args:
        ledger: the networks.
        measures: names of the measures.
    """

    def __init__(self, ledger: pd.DataFrame, measures: Sequence[str]) -> None:
        columns = {name: ledger.get(f"measure.{name}") for name in measures}
        scores = {name: column.to_numpy(dtype=float) for name, column in columns.items() if column is not None}
        self.rows = ledger.assign(**{ROW: range(len(ledger))})
        self._names = [name for name, own in scores.items() if np.isfinite(own).all()]
        gap = _signs(ledger["gap"].to_numpy(dtype=float))
        signs = np.array([_signs(scores[name]) for name in self._names]).reshape(-1, len(ledger), len(ledger))
        self._agreement, self._untied, self._untied_gap = signs * gap, np.abs(signs), np.abs(gap)

    def taus(self, rows: pd.DataFrame) -> dict[str, float]:
        """Compute tau-b of every measure over a resample of `rows`, leaving out constant ones."""
        weight = np.bincount(rows[ROW].to_numpy(), minlength=len(self.rows)).astype(float)
        agreement, untied = self._agreement @ weight @ weight, self._untied @ weight @ weight
        gap = float(weight @ self._untied_gap @ weight)
        return {
            name: float(a / (u * gap) ** 0.5)
            for name, a, u in zip(self._names, agreement, untied, strict=True)
            if u * gap
        }


def _signs(values: Floats) -> Floats:
    return np.asarray(np.sign(values[:, None] - values[None, :]), dtype=np.float64)
