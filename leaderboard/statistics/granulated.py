"""The granulated Kendall coefficients: agreement along one hyperparameter at a time, the others held fixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.undefined import Undefined, require_contrast

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Levels = Mapping[str, Ints]  # name of a hyperparameter -> the code [n] of its value in each network


@dataclass(frozen=True, slots=True)
class Axis:
    """The p pairs of configurations that differ in one hyperparameter only, sorted by cell.

    Attributes:
        first: one configuration of each pair [p].
        second: the other [p].
        starts: where each cell, a setting of all other hyperparameters, begins [cells].
    """

    first: Ints
    second: Ints
    starts: Ints


@dataclass(frozen=True, slots=True)
class Grid:
    """The configurations of a set of networks, and along each hyperparameter the pairs to compare.

    Attributes:
        configuration: the configuration [n] of each network, 0 to c - 1; replicates (seeds) share one.
        axes: by name of the hyperparameter; only those along which there is a pair.
        missing: for the others, the reason.
    """

    configuration: Ints
    axes: Mapping[str, Axis]
    missing: Mapping[str, str]

    @property
    def size(self) -> int:
        """Number c of configurations."""
        return int(self.configuration.max()) + 1 if len(self.configuration) else 0

    def averaged(self, values: Floats) -> Floats:
        """Mean over the replicates of each configuration: [n] to [c].

        Exact and rounded once: equal means are equal to the last bit, so that rounding decides no tie.
        """
        sizes = np.bincount(self.configuration)
        grouped = values[np.argsort(self.configuration, kind="stable")]
        if len(sizes) == len(grouped):  # no replicates
            return grouped
        parts = np.split(grouped, np.cumsum(sizes)[:-1])
        return np.array([mean(part.tolist()) for part in parts], dtype=np.float64)


def joint(codes: list[Ints], n: int) -> Ints:
    """One code [n] for each distinct combination of several codes, 0 to the number of combinations - 1."""
    combined = np.zeros(n, dtype=np.int64)
    for code in codes:
        combined = np.unique(combined * (int(code.max(initial=0)) + 1) + code, return_inverse=True)[1].astype(np.int64)
    return combined


def grid_of(levels: Levels, n: int) -> Grid:
    """Lay out n networks by their hyperparameters; holes and replicates are allowed."""
    configuration = joint(list(levels.values()), n)
    one_of_each = np.unique(configuration, return_index=True)[1]
    settings = {name: code[one_of_each] for name, code in levels.items()}
    axes: dict[str, Axis] = {}
    missing: dict[str, str] = {}
    for name in levels:
        cell = joint([code for other, code in settings.items() if other != name], len(one_of_each))
        first, second = np.nonzero(np.triu(cell[:, None] == cell, k=1))
        if len(np.unique(settings[name])) < 2:  # noqa: PLR2004  a pair
            missing[name] = f"{name} has one value only."
        elif len(first) == 0:
            missing[name] = f"No two networks differ in {name} alone."
        else:
            order = np.argsort(cell[first], kind="stable")
            starts = np.unique(cell[first][order], return_index=True)[1]
            axes[name] = Axis(first[order], second[order], starts)
    return Grid(configuration, axes, missing)


def agreement(axis: Axis, scores: Floats, target: Floats) -> Floats:
    """sgn(mu_a - mu_b) sgn(g_a - g_b) of each pair of an axis [p], from values by configuration [c]."""
    a, b = axis.first, axis.second
    s_mu = (scores[a] > scores[b]).astype(np.float64) - (scores[a] < scores[b])
    s_g = (target[a] > target[b]).astype(np.float64) - (target[a] < target[b])
    return np.asarray(s_mu * s_g, dtype=np.float64)


def granulated(grid: Grid, scores: Floats, target: Floats) -> tuple[float, dict[str, float]]:
    r"""The granulated Kendall coefficient Psi and its parts psi_i.

    .. math:: \psi_i = \frac{1}{m_i} \sum_{\theta_{-i}} \tau_a(\{\theta : \theta_{-i} \text{ fixed}\}), \quad
              \Psi = \frac{1}{|\{i\}|} \sum_i \psi_i

    Cells are equally weighted, as in the paper; ties count 0 (tau-a). Departs from the paper where the grid is not a
    full one: m_i counts the cells with at least two settings, Psi averages over the hyperparameters that have such a
    cell, and score and target are first averaged over the replicates of a configuration, by `Grid.averaged`.
    Unit: none, in [-1, 1]. Source: Jiang et al. 2020, arXiv:1912.02178.

    Args:
        grid: the networks, from `grid_of`.
        scores: mean mu of each configuration [c].
        target: mean g of each configuration [c].

    Returns:
        Psi, and psi by name of the hyperparameter.

    Raises:
        Undefined: a constant target, or no two networks that differ in one hyperparameter alone.
    """
    if not grid.axes:
        raise Undefined("No two networks differ in exactly one hyperparameter.")
    require_contrast(target)
    psi = {name: _mean_over_cells(axis, agreement(axis, scores, target)) for name, axis in grid.axes.items()}
    return sum(psi.values()) / len(psi), psi


def _mean_over_cells(axis: Axis, agreements: Floats) -> float:
    lengths = np.diff(axis.starts, append=len(agreements))
    return float((np.add.reduceat(agreements, axis.starts) / lengths).mean())
