"""Spearman's rank correlation of a score with the target, plain and partial given the hyperparameters."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.statistics.undefined import UndefinedError, require_contrast

Floats = NDArray[np.float64]
ROUNDING = 1e-9  # a residual smaller than this share of the vector is rounding


def spearman(scores: Floats, target: Floats) -> float:
    """Compute Spearman's rho: Pearson's correlation of the ranks, with mean ranks for ties.

    Unit: none, in [-1, 1]. Source: Spearman 1904.

    Args:
        scores: mu [n], finite.
        target: g [n], finite.

    Raises:
        UndefinedError: fewer than two networks, a constant target or a constant score.
    """
    require_contrast(target)
    if scores.min() == scores.max():
        raise UndefinedError("All networks have the same score: their ranks have no variance.")
    return _correlation(_centred_ranks(scores), _centred_ranks(target))


def hyperparameter_basis(hyperparameters: pd.DataFrame) -> Floats:
    """Compute an orthonormal basis [n, r] of what the hyperparameters explain linearly, including the constant.

    A numeric hyperparameter enters as its ranks, any other as one indicator for each value (missing is a value).
    """
    if len(hyperparameters) == 0:
        return np.zeros((0, 0))
    columns: list[Floats] = [np.ones((len(hyperparameters), 1))]
    for name in hyperparameters:
        values = hyperparameters[name]
        if pd.api.types.is_numeric_dtype(values) and not values.isna().any():
            columns.append(_centred_ranks(values.to_numpy(dtype=np.float64))[:, None])
        else:
            columns.append(pd.get_dummies(values, dummy_na=True).to_numpy(dtype=np.float64))
    matrix = np.hstack(columns)
    matrix /= np.maximum(np.linalg.norm(matrix, axis=0), np.finfo(np.float64).tiny)
    left, singular, _ = np.linalg.svd(matrix, full_matrices=False)
    return np.asarray(left[:, singular > ROUNDING * singular.max(initial=0)], dtype=np.float64)


def partial_spearman(scores: Floats, target: Floats, basis: Floats) -> float:
    r"""Correlate the residuals of the ranks of score and target after regression on the hyperparameters.

    .. math:: \rho = \mathrm{corr}\big( (I - Q Q^\top) \, r(\mu), \; (I - Q Q^\top) \, r(g) \big)

    Linear in the ranks of a numeric hyperparameter: a response that is not monotone in it is not removed.
    Unit: none, in [-1, 1].

    Args:
        scores: mu [n], finite.
        target: g [n], finite.
        basis: Q [n, r] from `hyperparameter_basis`.

    Raises:
        UndefinedError: fewer than two networks or a constant target; fewer than two degrees of freedom beside the
            hyperparameters; or nothing of score or target left beside them.
    """
    return _correlation(*partial_residuals(scores, target, basis))


def partial_residuals(scores: Floats, target: Floats, basis: Floats) -> tuple[Floats, Floats]:
    """Compute the residuals [n] of the ranks of score and target; see `partial_spearman`."""
    require_contrast(target)
    if len(target) - basis.shape[1] < 2:  # noqa: PLR2004  in one dimension every correlation is +1 or -1
        raise UndefinedError(
            f"The hyperparameters use {basis.shape[1]} degrees of freedom of {len(target)} networks; two must be left."
        )
    residuals = []
    for what, values in (("score", scores), ("target", target)):
        ranks = _centred_ranks(values)
        residual = ranks - basis @ (basis.T @ ranks)
        if np.linalg.norm(residual) <= ROUNDING * max(1.0, float(np.linalg.norm(ranks))):
            raise UndefinedError(f"The hyperparameters explain the ranks of the {what} completely.")
        residuals.append(residual)
    return residuals[0], residuals[1]


def ranks_of(values: Floats) -> Floats:
    """Rank values [n] from 1 in ascending order, with mean ranks for ties.

    The same as scipy.stats.rankdata, whose import takes as long as that of the rest of this package.
    """
    _, distinct, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[distinct], dtype=np.float64)


def share_below(known: Floats, values: Floats) -> Floats:
    """Compute the share of the known scores [k] that are smaller than each value [n]; ties count half."""
    ordered = np.sort(known)
    both = np.searchsorted(ordered, values) + np.searchsorted(ordered, values, side="right")
    return np.asarray(both / (2 * len(ordered)), dtype=np.float64)


def _centred_ranks(values: Floats) -> Floats:
    ranks = ranks_of(values)
    return np.asarray(ranks - ranks.mean(), dtype=np.float64)


def _correlation(x: Floats, y: Floats) -> float:
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))
