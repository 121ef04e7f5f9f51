"""Bootstrap over configurations: all replicates of a configuration are drawn together, or not at all."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.granulated import Axis, Grid
from leaderboard.statistics.kendall import Signs
from leaderboard.statistics.undefined import Undefined

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COVERAGE: Final = 0.95


def draw(size: int, count: int, rng: np.random.Generator) -> Floats:
    """How often each of `size` units appears in each of `count` resamples, [count, size]."""
    if size == 0:
        return np.zeros((count, 0))
    return rng.multinomial(size, np.full(size, 1 / size), size=count).astype(np.float64)


def interval(draws: Floats) -> list[float]:
    """The central 95 % of the draws that have a value, a percentile interval.

    Args:
        draws: a statistic in each resample [count], NaN where it has no value there.

    Raises:
        Undefined: no resamples, or fewer than half of them have a value.
    """
    if len(draws) == 0:
        raise Undefined("No resamples were asked for.")
    valid = draws[~np.isnan(draws)]
    if 2 * len(valid) < len(draws):
        raise Undefined(f"Only {len(valid)} of {len(draws)} resamples have a value.")
    low, high = np.quantile(valid, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return [float(low), float(high)]


def tau_b_draws(counts: Floats, configuration: Ints, s_mu: Signs, s_g: Signs) -> Floats:
    """Tau-b of each resample [count], NaN where a resample has no untied pair.

    The copies of a network tie with each other in both orders, so tau-b leaves them out by itself.

    Args:
        counts: how often each configuration is drawn, [count, c].
        configuration: of each network [n].
        s_mu: signs of the scores' differences [n, n].
        s_g: signs of the targets' differences [n, n].
    """
    numerator, untied_mu, untied_g = (
        _quadratic(counts, _by_configuration(matrix, configuration))
        for matrix in (s_mu * s_g, np.abs(s_mu), np.abs(s_g))
    )
    return _ratio(numerator, np.sqrt(untied_mu * untied_g))


def psi_weights(grid: Grid, counts: Floats) -> Mapping[str, Floats]:
    """The weight [count, p] of each pair in Psi, along each axis, in each resample.

    Psi is linear in the agreements of the pairs, so these weights serve every measure. A configuration is a place on
    the grid, in the resample or not: a second copy adds no pair that differs in one hyperparameter. A cell that keeps
    no pair drops out, and so does an axis that keeps no cell.
    """
    if not grid.axes:
        return {}
    present = counts > 0
    weights = {name: _cell_weights(axis, present) for name, axis in grid.axes.items()}
    alive = np.sum([weight.any(axis=1) for weight in weights.values()], axis=0)[:, None]  # [count, 1]
    return {name: weight / np.maximum(alive, 1) for name, weight in weights.items()}


def psi_draws(weights: Mapping[str, Floats], agreements: Mapping[str, Floats]) -> Floats:
    """Psi of each resample [count], NaN where a resample has no pair along any axis.

    Args:
        weights: [count, p] along each axis, from `psi_weights`.
        agreements: [p] along each axis, from `granulated.agreement`.
    """
    total = np.sum([weight @ agreements[name] for name, weight in weights.items()], axis=0)
    some = np.any([weight.any(axis=1) for weight in weights.values()], axis=0)
    return np.asarray(np.where(some, total, np.nan), dtype=np.float64)


def _cell_weights(axis: Axis, present: NDArray[np.bool_]) -> Floats:
    """Weights [count, p] of the pairs along one axis: equal cells, equal pairs within a cell; they sum to 1 or 0."""
    both = present[:, axis.first] & present[:, axis.second]
    in_cell = np.add.reduceat(both.astype(np.float64), axis.starts, axis=1)  # [count, cells]
    cells = np.count_nonzero(in_cell, axis=1)[:, None]  # [count, 1]
    lengths = np.diff(axis.starts, append=both.shape[1])
    divisor = np.repeat(np.maximum(in_cell, 1), lengths, axis=1) * np.maximum(cells, 1)
    return np.asarray(both / divisor, dtype=np.float64)


def _by_configuration(matrix: Signs, configuration: Ints) -> Floats:
    """Sums over the replicates: a matrix [n, n] of networks to one [c, c] of configurations."""
    order = np.argsort(configuration, kind="stable")
    starts = np.unique(configuration[order], return_index=True)[1]
    rows = np.add.reduceat(matrix[order].astype(np.float64), starts, axis=0)
    return np.asarray(np.add.reduceat(rows[:, order], starts, axis=1), dtype=np.float64)


def _quadratic(counts: Floats, matrix: Floats) -> Floats:
    """v^T M v for each row v of counts: [count]."""
    return np.asarray(np.einsum("dc,dc->d", counts @ matrix, counts), dtype=np.float64)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Their quotient, NaN where the denominator is 0."""
    missing = np.full_like(numerator, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=missing, where=denominator > 0), dtype=np.float64)
