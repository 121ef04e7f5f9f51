"""Granulated Kendall coefficients: agreement along one hyperparameter at a time, with the others fixed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import mean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.pairs import Floats, Ints, Levels, joint
from leaderboard.statistics.undefined import UndefinedError, require_contrast

Agreements = NDArray[np.int8]

MOST_PAIRS: Final = 3_000_000  # along one hyperparameter: 3 bytes each a measure, and more than any grid in print has


@dataclass(frozen=True)
class Axis:
    """Pairs of units that differ in one hyperparameter only, sorted by cell.

    Attributes:
        first: one unit of each pair [p].
        second: the other [p].
        starts: where each cell, a setting of all other hyperparameters, begins [cells].
    """

    first: Ints
    second: Ints
    starts: Ints

    @cached_property
    def weight(self) -> Floats:
        """Weight of each pair in psi [p]: cells weigh the same, and so do the pairs of a cell; they sum to 1."""
        lengths = np.diff(self.starts, append=len(self.first))
        return np.repeat(1 / (lengths * len(lengths)), lengths)

    def mean(self, agreements: Agreements) -> Floats:
        """Compute psi_i from agreements [p] or [p, M]; exactly 1 if all agree."""
        sums = np.add.reduceat(agreements, self.starts, axis=0, dtype=np.float64)
        lengths = np.diff(self.starts, append=len(self.first))
        return np.asarray((sums.T / lengths).mean(axis=-1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Grid:
    """Configurations of a set of networks, and the pairs to compare along each hyperparameter.

    A *unit* of comparison is a configuration, with replicates averaged, or each network if seeds are kept.

    Attributes:
        configuration: the configuration [n] of each network, 0 to c - 1; replicates (seeds) share one.
        kept: whether each network is a unit.
        axes: by name of the hyperparameter; only those along which there is a pair.
        missing: for the others, the reason.
        too_many: the reason of a hyperparameter along which there are too many pairs; empty if there is none.
    """

    configuration: Ints
    kept: bool
    axes: Mapping[str, Axis]
    missing: Mapping[str, str]
    too_many: str = ""

    @property
    def size(self) -> int:
        """Number c of configurations."""
        return int(self.configuration.max()) + 1 if len(self.configuration) else 0

    @property
    def why_empty(self) -> str:
        """The reason why nothing is compared where there are no axes."""
        return self.too_many or "No two networks differ in exactly one hyperparameter."

    @property
    def of_unit(self) -> Ints:
        """The configuration [u] of each unit."""
        return self.configuration if self.kept else np.arange(self.size)

    def average(self, values: Floats) -> Floats:
        """Average values of networks [n] over the replicates of each unit [u].

        Means are exact and rounded once: equal means are bitwise equal, so that rounding decides no tie.
        """
        if self.kept:
            return values
        sizes = np.bincount(self.configuration)
        grouped = values[np.argsort(self.configuration, kind="stable")]
        if len(sizes) == len(grouped):  # no replicates
            return grouped
        ends = np.cumsum(sizes).tolist()
        numbers = grouped.tolist()
        parts = [numbers[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)]
        # Equal sums are rounded alike, and so are their quotients by one number; to halve a sum rounds nothing.
        most = len(numbers) if (sizes == sizes[0]).all() else 2
        try:
            means = [math.fsum(part) / len(part) if len(part) <= most else mean(part) for part in parts]
        except OverflowError:
            means = [mean(part) for part in parts]
        return np.array(means, dtype=np.float64)


def grid_of(levels: Levels, n: int, *, configuration: Ints | None = None, kept: bool = False) -> Grid:
    """Arrange n networks by their hyperparameters; holes and replicates are allowed.

    Args:
        levels: the code [n] of each hyperparameter; a continuous one comes binned.
        n: number of networks.
        configuration: of each network [n], if binned hyperparameters do not distinguish configurations.
        kept: compare networks instead of means over the replicates of a configuration.
    """
    if configuration is None:
        configuration = joint(levels.values(), n)
    units = np.arange(n) if kept else np.unique(configuration, return_index=True)[1]
    settings = {name: code[units] for name, code in levels.items()}
    axes: dict[str, Axis] = {}
    missing: dict[str, str] = {}
    too_many = ""
    for name, code in settings.items():
        cell = joint([other for other_name, other in settings.items() if other_name != name], len(units))
        if len(np.unique(code)) < 2:  # noqa: PLR2004  a pair
            missing[name] = f"{name} has one value only."
            continue
        sizes = np.bincount(cell).astype(np.float64)
        if (sizes * (sizes - 1)).sum() / 2 > MOST_PAIRS:
            missing[name] = f"More than {MOST_PAIRS:,} pairs differ in {name} alone; bin it."
            too_many = too_many or missing[name]
            continue
        axis = find_neighbours(cell, code)
        if len(axis.first):
            axes[name] = axis
        else:
            missing[name] = f"No two networks differ in {name} alone."
    return Grid(configuration, kept, axes, missing, too_many)


def find_neighbours(cell: Ints, level: Ints) -> Axis:
    """Find all pairs of units in the same cell with different levels."""
    order = np.lexsort((level, cell))
    sorted_cell, sorted_level = cell[order], level[order]
    first, second = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for step in range(1, int(np.bincount(cell).max(initial=0))):
        here = np.flatnonzero(
            (sorted_cell[step:] == sorted_cell[:-step]) & (sorted_level[step:] != sorted_level[:-step])
        )
        first.append(order[here])
        second.append(order[here + step])
    a, b = np.concatenate(first), np.concatenate(second)
    by_cell = np.argsort(cell[a], kind="stable")
    starts = np.unique(cell[a][by_cell], return_index=True)[1]
    return Axis(a[by_cell], b[by_cell], starts)


def agreement(axis: Axis, scores: Floats, target: Floats) -> Agreements:
    """Compute sgn(mu_a - mu_b) sgn(g_a - g_b) of each pair of an axis, [p] or [p, M], from units [u] or [u, M]."""
    s_mu, s_g = sign_along(axis, scores), sign_along(axis, target)
    return s_mu * (s_g if scores.ndim == 1 else s_g[:, None])


def sign_along(axis: Axis, values: Floats) -> Agreements:
    """Compute sgn(x_a - x_b) of each pair of an axis from values [u] or [u, M], by comparison: nothing overflows."""
    a, b = values[axis.first], values[axis.second]
    return (a > b).astype(np.int8) - (a < b).astype(np.int8)


def granulated(grid: Grid, scores: Floats, target: Floats) -> tuple[float, dict[str, float]]:
    r"""Compute the granulated Kendall coefficient Psi and its parts psi_i.

    .. math:: \psi_i = \frac{1}{m_i} \sum_{\theta_{-i}} \tau_a(\{\theta : \theta_{-i} \text{ fixed}\}), \quad
              \Psi = \frac{1}{|\{i\}|} \sum_i \psi_i

    Cells are equally weighted, as in the paper; ties count 0 (tau-a). Departs from the paper where the grid is not
    full: m_i counts the cells with at least two settings, Psi averages over the hyperparameters that have such a
    cell, and score and target are first averaged over the replicates of a configuration, by `Grid.average`, unless
    the grid keeps them; then tau is over all pairs of networks of the cell that differ in the hyperparameter, so that
    two replicates of one configuration are no pair.
    Unit: none, in [-1, 1]. Source: Jiang et al. 2020, arXiv:1912.02178.

    Args:
        grid: the networks, from `grid_of`.
        scores: mu of each unit [u].
        target: g of each unit [u].

    Returns:
        Psi, and psi by name of the hyperparameter.

    Raises:
        UndefinedError: a constant target, or no two networks that differ in one hyperparameter alone.
    """
    if not grid.axes:
        raise UndefinedError(grid.why_empty)
    require_contrast(target)
    psi = {name: float(axis.mean(agreement(axis, scores, target))) for name, axis in grid.axes.items()}
    return sum(psi.values()) / len(psi), psi
