"""Statistics in readable units: labelled examples, prediction error, shares of variance, the Pareto front of cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leaderboard.ledger.arrays import Networks
from leaderboard.ranking.entry import Increment, IntervalsGiven, LabelEquivalents, Prediction, Statistics
from leaderboard.ranking.groups import Group, Options
from leaderboard.statistics import conformal, crossfit
from leaderboard.statistics.beside import interval_of_correlation, interval_of_reduction
from leaderboard.statistics.conformal import NOMINAL, SPLITS, Conformal
from leaderboard.statistics.crossfit import FOLDS, CrossFit
from leaderboard.statistics.fragility import Fragility, fragility
from leaderboard.statistics.granulated import Grid
from leaderboard.statistics.labels import LabelCurve, label_curve
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.resampling import Interval
from leaderboard.statistics.spearman import hyperparameter_basis, partial_residuals, ranks_of
from leaderboard.statistics.undefined import Reasons, UndefinedError, defined, value_or_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """Statistics of one measure in readable units, with the reasons for those that are None."""

    residual_spearman: float | None
    increment: Increment | None
    interval_given: IntervalsGiven
    prediction: Prediction | None
    fragility: Fragility | None
    label_equivalents: LabelEquivalents | None
    why: Mapping[str, str]


class Units:
    """Computes these statistics for the measures of a group; shared intermediate results are computed once.

    Args:
        group: measures that score the same networks.
        options: of the ranking.
        signs: the expected sign of each measure.
    """

    def __init__(self, group: Group, options: Options, signs: Mapping[str, int]) -> None:
        networks, seed = group.panel.networks, options.seed
        self._basis = hyperparameter_basis(networks.hyperparameters)
        self._weights = group.panel.counts[:, networks.configuration]
        self._networks, self._signs = networks, signs
        self._crossfit = value_or_reason(
            lambda: CrossFit(networks.hyperparameters, networks.target, networks.configuration, seed)
        )
        self._conformal = value_or_reason(lambda: Conformal(networks.target, networks.configuration, seed))
        self.curve = value_or_reason(lambda: curve_of(group.panel.grid, networks, seed))

    def of(self, name: str, statistics: Statistics) -> Readable:
        """Compute the statistics of one measure.

        Args:
            name: of the measure.
            statistics: of the measure on the networks of the group.
        """
        scores, why = self._networks.scores[name], Reasons()
        increment = why.of("increment", self._increment, scores)
        if increment is None:
            why["residual_spearman"] = why["increment"]
        given = self._intervals(scores, statistics, increment, why)
        prediction = why.of("prediction", self._prediction, scores)
        parts = why.of("fragility", fragility, scores, self._networks.configuration)
        labels = why.of("label_equivalents", self._labels, statistics, self._signs.get(name, 1))
        if labels is not None and labels.interval is None:
            why["label_equivalents.interval"] = statistics.why["interval.Psi"]
        return Readable(
            residual_spearman=None if increment is None else increment.rho,
            increment=None if increment is None else _increment(increment),
            interval_given=given,
            prediction=None if prediction is None else _prediction(prediction),
            fragility=parts,
            label_equivalents=labels,
            why=why,
        )

    def _increment(self, scores: Floats) -> crossfit.Increment:
        return defined(self._crossfit).of(scores)

    def _intervals(
        self, scores: Floats, statistics: Statistics, increment: crossfit.Increment | None, why: Reasons
    ) -> IntervalsGiven:
        """Compute the intervals given the hyperparameters; the reasons for missing ones go to `why`."""
        partial = residual = reduction = None
        if statistics.partial_spearman is None:
            why["interval_given.partial_spearman"] = statistics.why["partial_spearman"]
        else:
            n, columns = self._basis.shape
            first, second = partial_residuals(scores, self._networks.target, self._basis)
            factor = float(np.sqrt(n / (n - columns)))
            key = "interval_given.partial_spearman"
            partial = why.of(key, interval_of_correlation, first, second, self._weights, factor)
        if increment is None or isinstance(self._crossfit, str):
            why |= dict.fromkeys(("interval_given.residual_spearman", "interval_given.increment"), why["increment"])
        else:
            fit, weights = self._crossfit, self._weights
            ranks = ranks_of(np.round(increment.left, 12)), ranks_of(fit.left)
            key = "interval_given.residual_spearman"
            residual = why.of(key, interval_of_correlation, *ranks, weights, fit.widening)
            key = "interval_given.increment"
            reduction = why.of(key, interval_of_reduction, increment.errors, fit.left, weights, fit.widening)
        return IntervalsGiven(partial_spearman=partial, residual_spearman=residual, increment=reduction)

    def _prediction(self, scores: Floats) -> conformal.Prediction:
        return defined(self._conformal).of(scores)

    def _labels(self, statistics: Statistics, sign: int) -> LabelEquivalents:
        if statistics.Psi is None:
            raise UndefinedError(statistics.why["Psi"])
        curve, ends = defined(self.curve), statistics.interval.Psi
        examples, censored = curve.equivalent(sign * statistics.Psi)
        labels = None if ends is None else Interval(*(curve.equivalent(end)[0] for end in ends.times(sign)))
        return LabelEquivalents(examples=examples, censored=censored, interval=labels)


def _increment(found: crossfit.Increment) -> Increment:
    return Increment(delta_mse=found.delta_mse, mse_without=found.mse_without, mse_with=found.mse_with, folds=FOLDS)


def _prediction(found: conformal.Prediction) -> Prediction:
    return Prediction(
        nominal=NOMINAL,
        coverage=found.coverage,
        half_width=found.half_width,
        half_width_without=found.half_width_without,
        splits=SPLITS,
    )


def curve_of(grid: Grid, networks: Networks, seed: int) -> LabelCurve:
    """Compute the label curve of some networks.

    Raises:
        UndefinedError: see `label_curve`; or a target that is a loss.
    """
    if networks.accuracy is None or networks.test_size is None:
        raise UndefinedError("Labels give an estimate of an accuracy; this target is a loss.")
    return label_curve(grid, networks.target, networks.accuracy, networks.test_size, seed)


def find_front(points: Mapping[str, tuple[float, float]]) -> set[str]:
    """Find the measures of the Pareto front: no other has at least the same Psi for at most the same cost.

    Of measures that are equal in both, all are on the front.

    Args:
        points: seconds, and Psi in the expected direction, by name.
    """
    seconds, psi = (np.array([point[axis] for point in points.values()], dtype=np.float64) for axis in range(2))
    no_worse = (seconds[None] <= seconds[:, None]) & (psi[None] >= psi[:, None])
    better = (seconds[None] < seconds[:, None]) | (psi[None] > psi[:, None])
    return {name for place, name in enumerate(points) if not (no_worse[place] & better[place]).any()}
