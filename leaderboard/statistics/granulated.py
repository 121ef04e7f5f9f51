"""Granulated Kendall coefficients: agreement along one hyperparameter at a time, with the others fixed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import mean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.pairs import Floats, Ints, Levels, joint
from leaderboard.statistics.undefined import UndefinedError, require_contrast

Agreements = NDArray[np.int8]

MOST_PAIRS: Final = 50_000  # along one hyperparameter, or as many as the next line has: more are sampled
PAIRS_A_UNIT: Final = 16  # 32 partners: their sampling adds some 5 % to the standard error of Psi


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Pairs that were sampled along a hyperparameter.

    Attributes:
        pairs: number of those that are compared.
        of: number of all.
        error: the standard deviation at most that sampling adds to psi.
    """

    pairs: int
    of: int
    error: float


@dataclass(frozen=True, slots=True)
class Grid:
    """Configurations of a set of networks, and the pairs to compare along each hyperparameter.

    A *unit* of comparison is a configuration, with replicates averaged, or each network if seeds are kept.

    Attributes:
        configuration: the configuration [n] of each network, 0 to c - 1; replicates (seeds) share one.
        kept: whether each network is a unit.
        axes: by name of the hyperparameter; only those along which there is a pair.
        missing: for the others, the reason.
        sampled: the hyperparameters along which pairs were sampled.
    """

    configuration: Ints
    kept: bool
    axes: Mapping[str, Axis]
    missing: Mapping[str, str]
    sampled: Mapping[str, Sample] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number c of configurations."""
        return int(self.configuration.max()) + 1 if len(self.configuration) else 0

    @property
    def why_empty(self) -> str:
        """The reason why nothing is compared where there are no axes."""
        return "No two networks differ in exactly one hyperparameter."

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


def grid_of(
    levels: Levels, n: int, *, configuration: Ints | None = None, kept: bool = False, most: int | None = None
) -> Grid:
    """Arrange n networks by their hyperparameters; holes and replicates are allowed.

    The pairs of a searched ledger grow with the square of its size. Along a hyperparameter with too many of them, each
    unit is compared with equally many others; see `sample_neighbours`.

    Args:
        levels: the code [n] of each hyperparameter; a continuous one comes binned.
        n: number of networks.
        configuration: of each network [n], if binned hyperparameters do not distinguish configurations.
        kept: compare networks instead of means over the replicates of a configuration.
        most: pairs along one hyperparameter; None for `MOST_PAIRS`, or `PAIRS_A_UNIT` times the units if that is more.
    """
    if configuration is None:
        configuration = joint(levels.values(), n)
    units = np.arange(n) if kept else np.unique(configuration, return_index=True)[1]
    settings = {name: code[units] for name, code in levels.items()}
    axes: dict[str, Axis] = {}
    missing: dict[str, str] = {}
    sampled: dict[str, Sample] = {}
    most = max(MOST_PAIRS, PAIRS_A_UNIT * len(units)) if most is None else most
    for name, code in settings.items():
        cell = joint([other for other_name, other in settings.items() if other_name != name], len(units))
        if len(np.unique(code)) < 2:  # noqa: PLR2004  a pair
            missing[name] = f"{name} has one value only."
            continue
        pairs = _pairs_in(cell) - _pairs_in(joint([cell, code], len(units)), cell)
        if not pairs.any():
            missing[name] = f"No two networks differ in {name} alone."
        elif pairs.sum() <= most:
            axes[name] = find_neighbours(cell, code)
        else:
            axes[name], sampled[name] = sample_neighbours(cell, code, pairs, most)
    return Grid(configuration, kept, axes, missing, sampled)


def _pairs_in(group: Ints, cell: Ints | None = None) -> Ints:
    """Count the pairs of units within each group, or within the groups of each cell."""
    sizes, first = np.bincount(group), np.unique(group, return_index=True)[1]
    pairs = sizes * (sizes - 1) // 2
    if cell is None:
        return pairs
    found = np.zeros(int(cell.max()) + 1, dtype=np.int64)
    np.add.at(found, cell[first], pairs)
    return found


def sample_neighbours(cell: Ints, level: Ints, pairs: Ints, most: int) -> tuple[Axis, Sample]:
    r"""Sample pairs of units in the same cell with different levels, about equally many for each unit.

    The units of a cell are put on a circle in random order, and each is compared with those at most d places away; all
    pairs of cells with no more than 2 d + 1 units are kept. With M pairs in a cell, m of them sampled, and C cells, the
    standard deviation that this adds to psi is at most

    .. math:: \sqrt{\frac{1}{C^2} \sum_\text{cells} \frac{1 - m / M}{m}}

    that of m pairs drawn at random, whose agreements are at most 1. It is less, since all units count alike. The order
    depends on the number of units alone. Source: the cyclic designs of Brown & Kildea 1978,
    doi:10.1214/aos/1176344256.

    Args:
        cell: of each unit [u].
        level: of each unit [u].
        pairs: M of each cell.
        most: pairs of all cells, about.
    """
    shuffled = np.random.default_rng([len(cell), 0xC1C]).permutation(len(cell))
    order = shuffled[np.argsort(cell[shuffled], kind="stable")]
    sizes = np.bincount(cell)
    size, start = sizes[cell[order]], np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.arange(len(order)) - start
    apart = pairs.sum() / _pairs_in(cell).sum()  # share of the pairs of a cell with different levels
    first, second = [], []
    for step in range(1, max(1, round(most / (apart * len(cell)))) + 1):
        here = np.flatnonzero((2 * step < size) | ((2 * step == size) & (place < step)))
        a, b = order[here], order[start[here] + (place[here] + step) % size[here]]
        different = level[a] != level[b]
        first.append(a[different])
        second.append(b[different])
    axis = _by_cell(cell, np.concatenate(first), np.concatenate(second))
    kept = np.diff(axis.starts, append=len(axis.first))
    here = cell[axis.first[axis.starts]]
    error = math.sqrt(((1 - kept / pairs[here]) / kept).sum()) / len(kept)
    return axis, Sample(pairs=len(axis.first), of=int(pairs.sum()), error=error)


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
    return _by_cell(cell, np.concatenate(first), np.concatenate(second))


def _by_cell(cell: Ints, first: Ints, second: Ints) -> Axis:
    order = np.argsort(cell[first], kind="stable")
    starts = np.unique(cell[first][order], return_index=True)[1]
    return Axis(first[order], second[order], starts)


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
