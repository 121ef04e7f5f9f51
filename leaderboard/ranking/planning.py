"""Plan an experiment: the difference of Psi that networks can settle, and the networks that a difference needs."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leaderboard.ledger.corruption import CORRUPTION, columns_apart, trained_on_random_labels
from leaderboard.ranking.report import Report
from leaderboard.ranking.significance import SETTLED, networks_needed
from leaderboard.statistics.bins import levels_of
from leaderboard.statistics.granulated import grid_of
from leaderboard.statistics.pairs import joint
from leaderboard.statistics.power import difference_error
from leaderboard.statistics.undefined import UndefinedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How precisely networks compare two measures by Psi.

    Attributes:
        networks: those that Psi compares.
        error: standard error of the difference between two Psi.
    """

    networks: int
    error: float

    def settles(self, networks: int | None = None) -> float:
        """Compute the difference of Psi that is detected at 5 % with a power of 80 %, on so many networks."""
        return SETTLED * self.error * math.sqrt(self.networks / (self.networks if networks is None else networks))

    def needs(self, difference: float) -> int | None:
        """Compute how many networks of the same kind a difference of Psi needs; None for no difference."""
        return networks_needed(self.networks, difference, self.error)


def precision_of_recipes(hyperparameters: pd.DataFrame) -> Precision:
    """Compute the precision of networks that are not trained yet, by the model of `difference_error`.

    Networks with random labels and comparisons across corruptions are no part of Psi; see `leaderboard.rank`.

    Args:
        hyperparameters: a column hp.<name> each, one row a network.

    Raises:
        UndefinedError: no two networks of one corruption differ in one hyperparameter alone.
    """
    random = trained_on_random_labels(hyperparameters)
    runs = hyperparameters[~random] if not random.all() else hyperparameters
    varied = runs[[name for name in runs if len(runs[name].unique()) > 1]].reset_index(drop=True)
    n = len(varied)
    apart = columns_apart(varied, CORRUPTION if CORRUPTION in varied else None)
    values = [pd.factorize(varied[name], use_na_sentinel=False)[0].astype(np.int64) for name in varied]
    grid = grid_of(levels_of(varied).codes, n, configuration=joint(values, n))
    inner = replace(grid, axes={name: axis for name, axis in grid.axes.items() if name not in apart})
    return Precision(networks=n, error=difference_error(inner))


def precision_of_report(report: Report) -> Precision:
    """Take the precision of a ranking: the median standard error between two of its measures.

    Raises:
        UndefinedError: no two measures can be compared.
    """
    matrix = np.array(report.comparisons.standard_error, dtype=np.float64).reshape(len(report.comparisons.names), -1)
    errors = matrix[np.triu_indices(len(matrix), 1)] if len(matrix) > 1 else np.zeros(0)
    errors = errors[np.isfinite(errors) & (errors > 0)]
    if not len(errors):
        raise UndefinedError("It has no two measures whose Psi can be compared.")
    return Precision(networks=report.models, error=float(np.median(errors)))
