"""Cross-fitted increment: how much a score improves the prediction of the target from the hyperparameters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.spearman import ROUNDING, share_below, spearman
from leaderboard.statistics.undefined import UndefinedError, require_contrast

FOLDS: Final = 5
MOST_INDICATORS: Final = 10  # a number with more values enters as a parabola in its ranks


@dataclass(frozen=True, slots=True)
class Increment:
    """Prediction of the networks that were left out of the fit.

    Attributes:
        rho: Spearman's correlation of the residuals of score and target beside the hyperparameters.
        delta_mse: share of the squared error of the hyperparameters alone that the score removes; negative if the
            score makes the prediction worse.
        mse_without: mean squared error with the hyperparameters alone, in squared units of the target.
        mse_with: with the score as well.
    """

    rho: float
    delta_mse: float
    mse_without: float
    mse_with: float


@dataclass(frozen=True, slots=True)
class _Fold:
    train: NDArray[np.bool_]
    fit: Floats  # [columns, train]: values of the training networks to coefficients
    columns: Floats  # [n, columns], centred on the training networks
    left: Floats  # residuals of the target [n]


class CrossFit:
    r"""Folds of configurations, with the regression of the target on the hyperparameters in each.

    Every configuration, with all replicates, is left out once; the others give the coefficients of

    .. math:: g = \alpha + X \beta \quad \text{and} \quad g = \alpha' + X \beta' + \gamma u(\mu)

    by least squares, where u(mu) is the share of training networks with a smaller score (ties count half), so that the
    increment is that of the *order* of the scores. X contains an indicator for each value of each hyperparameter; for a
    number with more than `MOST_INDICATORS` values, its centred rank and the rank squared.
    Source: the cross-fitted increments of the MBE benchmark; its models are not specified further.

    Args:
        hyperparameters: one column each, one row a network.
        target: g [n], finite.
        configuration: of each network [n].
        seed: of the folds.

    Raises:
        UndefinedError: a constant target, too few configurations for the folds or for the hyperparameters, or a target
            that the hyperparameters predict completely.
    """

    def __init__(self, hyperparameters: pd.DataFrame, target: Floats, configuration: Ints, seed: int) -> None:
        require_contrast(target)
        count = int(configuration.max()) + 1
        if count < 2 * FOLDS:
            raise UndefinedError(f"{FOLDS} folds need at least {2 * FOLDS} configurations; there are {count}.")
        self.target = target
        design = _design(hyperparameters)
        fold_of = (np.random.default_rng([seed, 0xF01D]).permutation(count) % FOLDS)[configuration]
        self._folds = list(self._fitted(design, fold_of))
        self._left = np.concatenate([fold.left[~fold.train] for fold in self._folds])
        self.mse_without = float(np.mean(self._left**2))
        if self.mse_without <= (ROUNDING * float(np.abs(target).max())) ** 2:
            raise UndefinedError("The hyperparameters predict the target completely.")

    def _fitted(self, design: Floats, fold_of: Ints) -> Iterator[_Fold]:
        for number in range(FOLDS):
            train = fold_of != number
            columns = design - design[train].mean(axis=0)
            left, singular, right = np.linalg.svd(columns[train], full_matrices=False)
            some = singular > ROUNDING * singular.max(initial=0)
            if train.sum() - 1 - some.sum() < 2:  # noqa: PLR2004  one is the score's
                raise UndefinedError(
                    f"The hyperparameters use {some.sum() + 1} degrees of freedom of the {train.sum()} networks of a "
                    "fold; two must be left."
                )
            fit = (right[some].T / singular[some]) @ left[:, some].T
            yield _Fold(train, fit, columns, self._residual(train, fit, columns, self.target))

    @staticmethod
    def _residual(train: NDArray[np.bool_], fit: Floats, columns: Floats, values: Floats) -> Floats:
        """Compute the residuals of values [n] from the regression on the training networks."""
        centred = values - values[train].mean()
        return np.asarray(centred - columns @ (fit @ centred[train]), dtype=np.float64)

    def of(self, scores: Floats) -> Increment:
        """Compute the increment of one measure's scores [n], finite.

        Raises:
            UndefinedError: the hyperparameters explain the order of the scores completely.
        """
        of_score, errors, informed = [], [], False
        for fold in self._folds:
            place = share_below(scores[fold.train], scores)
            left = self._residual(fold.train, fold.fit, fold.columns, place)
            own = left[fold.train]
            size = float(own @ own)
            some = size > ROUNDING**2 * len(own)
            informed |= some
            slope = float(own @ fold.left[fold.train]) / size if some else 0.0
            of_score.append(left[~fold.train])
            errors.append((fold.left - slope * left)[~fold.train])
        if not informed:
            raise UndefinedError("The hyperparameters explain the order of the scores completely.")
        mse_with = float(np.mean(np.concatenate(errors) ** 2))
        rho = spearman(np.round(np.concatenate(of_score), 12).astype(np.float64), self._left)
        return Increment(rho, 1 - mse_with / self.mse_without, self.mse_without, mse_with)


def _design(hyperparameters: pd.DataFrame) -> Floats:
    """Build the columns X [n, columns]."""
    found: list[Floats] = [np.zeros((len(hyperparameters), 0))]
    for name in hyperparameters:
        values = hyperparameters[name]
        many = values.nunique(dropna=False) > MOST_INDICATORS
        if many and pd.api.types.is_numeric_dtype(values) and not values.isna().any():
            ranks = values.rank().to_numpy(dtype=np.float64)
            ranks = (ranks - ranks.mean()) / len(ranks)
            found.append(np.stack([ranks, ranks**2], axis=1))
        else:
            values = values.astype(object).where(values.notna(), None)
            found.append(pd.get_dummies(values, dummy_na=bool(values.isna().any())).to_numpy(dtype=np.float64))
    return np.hstack(found)
