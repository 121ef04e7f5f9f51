"""Bin hyperparameters that do not lie on a grid, such as log-uniform learning rates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.statistics.pairs import Ints

MOST_LEVELS: Final = 10  # a number with at most so many values lies on a grid
BINS: Final = 4  # enough for an order, few enough that cells contain several networks


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of a table of hyperparameters.

    Attributes:
        codes: by name, the code [n] of each network's value or bin; a missing value has a separate code.
        edges: for each binned hyperparameter, the inner edges of its bins.
    """

    codes: Mapping[str, Ints]
    edges: Mapping[str, list[float]]


def find_continuous(hyperparameters: pd.DataFrame) -> list[str]:
    """Find the hyperparameters that do not lie on a grid.

    Numbers with more than `MOST_LEVELS` values, most of which occur in one configuration only, so that no cell of
    another hyperparameter contains two of them. If nothing else varies there is no cell to lose, and none is reported.
    """
    settings = hyperparameters.drop_duplicates()
    if sum(len(settings[name].unique()) > 1 for name in settings) <= 1:
        return []
    return [
        str(name)
        for name in settings
        if pd.api.types.is_numeric_dtype(settings[name])
        and not pd.api.types.is_bool_dtype(settings[name])
        and settings[name].nunique() > MOST_LEVELS
        and 2 * (settings[name].value_counts() == 1).sum() > settings[name].nunique()
    ]


def levels_of(hyperparameters: pd.DataFrame, bins: Mapping[str, int] | None = None) -> Levels:
    """Compute the levels of each hyperparameter: its values, or bins with equally many networks if it is continuous.

    Args:
        hyperparameters: one column each, one row a network.
        bins: number of bins by name, 0 for none; hyperparameters not named get `BINS` bins if `find_continuous` finds
            them.
    """
    wanted = dict.fromkeys(find_continuous(hyperparameters), BINS) | dict(bins or {})
    codes: dict[str, Ints] = {}
    edges: dict[str, list[float]] = {}
    for name, values in hyperparameters.items():
        count = wanted.get(str(name), 0)
        if count > 0:
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            inner = np.quantile(numbers[~np.isnan(numbers)], np.arange(1, count) / count)
            edges[str(name)] = [float(edge) for edge in np.unique(inner)]
            code = np.searchsorted(edges[str(name)], numbers, side="left")
            codes[str(name)] = np.where(np.isnan(numbers), len(edges[str(name)]) + 1, code).astype(np.int64)
        else:
            codes[str(name)] = pd.factorize(values, sort=False, use_na_sentinel=False)[0].astype(np.int64)
    return Levels(codes, edges)
