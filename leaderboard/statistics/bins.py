"""Hyperparameters that lie on no grid, such as log-uniform learning rates: binned where a statistic needs cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.statistics.pairs import Ints

MOST_LEVELS: Final = 10  # a number of at most so many values is a grid's
BINS: Final = 4  # quarters of the networks: enough for an order, few enough that cells are met again


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a table of hyperparameters.

    Attributes:
        codes: by name, the code [n] of each network's value or bin; a missing value is a value of its own.
        edges: for each binned hyperparameter, the inner edges of its bins.
    """

    codes: Mapping[str, Ints]
    edges: Mapping[str, list[float]]


def continuous(hyperparameters: pd.DataFrame) -> list[str]:
    """The names of the hyperparameters that lie on no grid.

    Numbers of more than `MOST_LEVELS` values of which most belong to one configuration only: no cell of any other
    hyperparameter holds two of those. Where nothing else varies there is no cell to lose, and the values stay.
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
    """The levels of each hyperparameter: its values, or bins of as many networks each for one that is continuous.

    Args:
        hyperparameters: one column each, one row a network.
        bins: number of bins of the hyperparameters that are to be binned, 0 for none; for those not named, `BINS` of
            each that `continuous` finds.
    """
    wanted = dict.fromkeys(continuous(hyperparameters), BINS) | dict(bins or {})
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
