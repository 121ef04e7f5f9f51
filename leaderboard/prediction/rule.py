"""Split conformal rule: from one measure's score of a network to an interval of its target."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboard.statistics.conformal import DEGREE, FEWEST, quantile
from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.spearman import share_below
from leaderboard.statistics.undefined import UndefinedError, require_contrast

FIT: Final = 0.5  # share of the reference's configurations that fit; the others calibrate


@dataclass(frozen=True, slots=True)
class Rule:
    """Predicts the target from one measure's score.

    Attributes:
        half_width: of the intervals, in units of the target.
        error: mean absolute error on the fitting networks; the calibrating ones have no part in it.
        low, high: smallest and largest score of the reference's networks.
        networks: number of the reference's networks with a score.
    """

    half_width: float
    error: float
    low: float
    high: float
    networks: int
    _fitting: Floats
    _coefficients: Floats

    def predict(self, scores: Floats) -> Floats:
        """Predict the target [n] of networks with these scores."""
        return np.asarray(_basis(self._fitting, scores) @ self._coefficients)


class Split:
    """One random split of a reference's configurations into a fitting and a calibrating half, for every measure.

    The rule of a measure is that of `leaderboard.statistics.conformal.Conformal`: a polynomial in the share of fitting
    networks with a smaller score, and the quantile of the calibrating errors. As the halves are the same for every
    measure, one may be chosen by its error on the fitting half without a loss of coverage.

    Args:
        target: g [n], finite.
        configuration: of each network [n].
        seed: of the split.
    """

    def __init__(self, target: Floats, configuration: Ints, seed: int) -> None:
        count = int(configuration.max(initial=-1)) + 1
        place = np.random.default_rng([seed, 0x9BED]).permutation(count)
        self._fits = (place < round(FIT * count))[configuration]
        self._target, self._configuration = target, configuration

    def rule(self, scores: Floats | None = None) -> Rule:
        """Fit and calibrate the rule of one measure's scores [n]; networks without a finite score have no part.

        Without scores it is the mean target of the fitting half.

        Raises:
            UndefinedError: too few configurations, or a constant target.
        """
        scores = np.zeros(len(self._target)) if scores is None else scores
        scored = np.isfinite(scores)
        fit, calibrate = scored & self._fits, scored & ~self._fits
        fitting, calibrating = (len(np.unique(self._configuration[half])) for half in (fit, calibrate))
        if fitting <= DEGREE + 1 or calibrating < FEWEST:
            raise UndefinedError(
                f"Nine in ten needs at least {DEGREE + 2} configurations to fit and {FEWEST} to calibrate; the "
                f"reference has {fitting} and {calibrating} with a score."
            )
        require_contrast(self._target[fit])
        basis = _basis(scores[fit], scores)
        coefficients = np.linalg.lstsq(basis[fit], self._target[fit], rcond=None)[0]
        errors = np.abs(self._target - basis @ coefficients)
        _, code, sizes = np.unique(self._configuration[calibrate], return_inverse=True, return_counts=True)
        return Rule(
            half_width=quantile(errors[calibrate], 1 / sizes[code]),
            error=float(errors[fit].mean()),
            low=float(scores[scored].min()),
            high=float(scores[scored].max()),
            networks=int(scored.sum()),
            _fitting=scores[fit],
            _coefficients=np.asarray(coefficients, dtype=np.float64),
        )


def _basis(fitting: Floats, scores: Floats) -> Floats:
    return np.asarray(np.polynomial.legendre.legvander(2 * share_below(fitting, scores) - 1, DEGREE))
