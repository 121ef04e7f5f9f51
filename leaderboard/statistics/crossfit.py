"""Cross-fitted increment: what a score says of the target beside the joint prediction of all hyperparameters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.spearman import ROUNDING, ranks_of, share_below, spearman
from leaderboard.statistics.undefined import UndefinedError, require_contrast

FOLDS: Final = 5
AT_ONCE: Final = 128  # permutations held at a time
ROOM: Final = 3  # networks of a fold for each coefficient, if hyperparameters may interact
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
        left: out-of-fold residuals of the score [n].
        errors: out-of-fold residuals of the target with the score as well [n].
    """

    rho: float
    delta_mse: float
    mse_without: float
    mse_with: float
    left: Floats = field(compare=False, repr=False)
    errors: Floats = field(compare=False, repr=False)


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
    number with more than `MOST_INDICATORS` values, its centred rank and the rank squared; and, if the networks of a
    fold are at least `ROOM` times as many and the target is then predicted better, the products of the columns of any
    two hyperparameters, so that a width that matters in one family only is known.
    Source: the cross-fitted increments of the MBE benchmark; its models are not specified further.

    Attributes:
        left: out-of-fold residuals of the target [n]: what the joint prediction of the hyperparameters misses.
        interactions: whether the prediction knows them.
        widening: factor by which the coefficients widen the spread of a statistic of residuals, sqrt(n / (n - rank)).

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
        fold_of = (np.random.default_rng([seed, 0xF01D]).permutation(count) % FOLDS)[configuration]
        blocks = _blocks(hyperparameters)
        design = np.hstack([np.zeros((len(target), 0)), *blocks])
        self._folds = list(self._fitted(design, fold_of))
        self.left, self.mse_without = self._errors()
        self.interactions = False
        if ROOM * (1 + _degrees(blocks)) <= len(target) * (FOLDS - 1) / FOLDS:
            alone = self._folds, self.left, self.mse_without
            both = np.hstack([design, *_products(blocks)])
            self._folds = list(self._fitted(both, fold_of))
            self.left, self.mse_without = self._errors()
            self.interactions = self.mse_without < alone[2]
            if self.interactions:
                design = both
            else:
                self._folds, self.left, self.mse_without = alone
        if self.mse_without <= (ROUNDING * float(np.abs(target).max())) ** 2:
            raise UndefinedError("The hyperparameters predict the target completely.")
        basis = _basis(design - design.mean(axis=0))
        centred = target - target.mean()
        self._within = centred - basis @ (basis.T @ centred)
        self.widening = float(np.sqrt(len(target) / max(1, len(target) - 1 - basis.shape[1])))

    def _errors(self) -> tuple[Floats, float]:
        """Compute the out-of-fold residuals of the target [n] and their mean square."""
        left = self._out_of_fold([fold.left for fold in self._folds])
        return left, float(np.mean(left**2))

    def _out_of_fold(self, values: Sequence[Floats]) -> Floats:
        """Join the values [n, ...] of the networks that each fold leaves out."""
        found = np.empty_like(values[0])
        for fold, own in zip(self._folds, values, strict=True):
            found[~fold.train] = own[~fold.train]
        return found

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
        centred = values - values[train].mean(axis=0)
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
            of_score.append(left)
            errors.append(fold.left - slope * left)
        if not informed:
            raise UndefinedError("The hyperparameters explain the order of the scores completely.")
        error, left = self._out_of_fold(errors), self._out_of_fold(of_score)
        mse_with = float(np.mean(error**2))
        rho = spearman(np.round(left, 12).astype(np.float64), self.left)
        return Increment(rho, 1 - mse_with / self.mse_without, self.mse_without, mse_with, left, error)

    def null(self, left: Floats, source: Ints) -> Floats:
        r"""Compute rho [count, M] when the target is nothing but its hyperparameters and permuted residuals.

        The residuals of the regression on all networks are permuted and the cross-fit is repeated, as Freedman & Lane
        1983 (doi:10.2307/1391660) do; the prediction itself drops out, since it is regressed away. The residuals of the
        cross-fit may not be permuted themselves: they are correlated, and chance alone carries rho further.

        Args:
            left: out-of-fold residuals of M scores [n, M].
            source: whose residual each network receives [count, n], of one stratum.
        """
        ranks = _standard_ranks(np.round(left, 12))
        found = np.empty((len(source), left.shape[1]))
        for some in (slice(begin, begin + AT_ONCE) for begin in range(0, len(source), AT_ONCE)):
            values = self._within[source[some]].T  # [n, count]
            parts = [self._residual(fold.train, fold.fit, fold.columns, values) for fold in self._folds]
            found[some] = _standard_ranks(self._out_of_fold(parts)).T @ ranks
        return found


def _standard_ranks(values: Floats) -> Floats:
    """Rank each column [n, M], centred and of length 1."""
    ranks = np.stack([ranks_of(column) for column in values.T], axis=1)
    ranks -= ranks.mean(axis=0)
    length = np.linalg.norm(ranks, axis=0)
    return np.asarray(np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0), dtype=np.float64)


def _basis(columns: Floats) -> Floats:
    """Compute an orthonormal basis [n, r] of centred columns [n, k]."""
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, singular > ROUNDING * singular.max(initial=0)], dtype=np.float64)


def _blocks(hyperparameters: pd.DataFrame) -> list[Floats]:
    """Build the columns of X [n, columns] for each hyperparameter that varies, in terms of one value."""
    found: list[Floats] = []
    for name in hyperparameters:
        values = hyperparameters[name]
        many = values.nunique(dropna=False) > MOST_INDICATORS
        if many and pd.api.types.is_numeric_dtype(values) and not values.isna().any():
            ranks = values.rank().to_numpy(dtype=np.float64)
            ranks = (ranks - ranks.mean()) / len(ranks)
            found.append(np.stack([ranks, ranks**2], axis=1))
        else:
            values = values.astype(object).where(values.notna(), None)
            indicators = pd.get_dummies(values, dummy_na=bool(values.isna().any())).to_numpy(dtype=np.float64)
            found.append(indicators[:, 1:])
    return found


def _degrees(blocks: Sequence[Floats]) -> int:
    """Count the columns of the hyperparameters and of the products of any two."""
    sizes = [int(block.shape[1]) for block in blocks]
    return sum(sizes) + sum(one * other for one, other in combinations(sizes, 2))


def _products(blocks: Sequence[Floats]) -> Iterator[Floats]:
    """Multiply the columns of any two hyperparameters, [n, columns] each."""
    for first, second in combinations(blocks, 2):
        yield (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)
