"""Rank correlations of many measures with the gap, quickly for each resample of the networks."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PLACE: Final = "place"


class RankTable:
    """Kendall's tau-b of measures with the generalization gap, over weighted networks.

    A network drawn twice counts twice; it is tied with itself. Measures that some network lacks are left out.

    Args:
        ledger: the networks.
        measures: names of the measures.
    """

    def __init__(self, ledger: pd.DataFrame, measures: Sequence[str]) -> None:
        columns = {name: ledger.get(f"measure.{name}") for name in measures}
        self.rows = ledger.assign(**{PLACE: range(len(ledger))})
        self._gap = _signs(ledger["gap"].to_numpy(dtype=float))
        self._signs = {
            name: _signs(column.to_numpy(dtype=float))
            for name, column in columns.items()
            if column is not None and np.isfinite(column.to_numpy(dtype=float)).all()
        }

    def tau(self, rows: pd.DataFrame, name: str) -> float:
        """Of one measure over some of `rows`, drawn any number of times; NaN where it or the gap is constant."""
        if name not in self._signs:
            return float("nan")
        weight = np.bincount(rows[PLACE].to_numpy(), minlength=len(self.rows)).astype(float)
        signs = self._signs[name]

        def total(matrix: Floats) -> float:
            return float(weight @ matrix @ weight)

        untied = total(np.abs(signs)) * total(np.abs(self._gap))
        return total(signs * self._gap) / untied**0.5 if untied else float("nan")


def _signs(values: Floats) -> Floats:
    return np.asarray(np.sign(values[:, None] - values[None, :]), dtype=np.float64)
