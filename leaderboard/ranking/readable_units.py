"""Figures in units that people understand: labels, the error of a prediction, seconds, shares of variance."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from leaderboard.ledger.arrays import Networks
from leaderboard.ranking.groups import Group, Options
from leaderboard.ranking.statistics_of import Judged
from leaderboard.statistics.conformal import NOMINAL, SPLITS, Conformal, Prediction
from leaderboard.statistics.crossfit import FOLDS, CrossFit, Increment
from leaderboard.statistics.fragility import Fragility, fragility
from leaderboard.statistics.granulated import Grid
from leaderboard.statistics.labels import LabelCurve, label_curve
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.undefined import UndefinedError, defined, made_or_reason


class Units:
    """Adds these figures to the measures of a group; what they have in common is worked out once a group.

    Args:
        group: measures that score the same networks.
        options: how to judge.
        signs: the expected sign of each measure.
    """

    def __init__(self, group: Group, options: Options, signs: Mapping[str, int]) -> None:
        networks, seed = group.panel.networks, options.seed
        self._networks, self._options, self._signs = networks, options, signs
        self._crossfit = made_or_reason(
            lambda: CrossFit(networks.hyperparameters, networks.target, networks.configuration, seed)
        )
        self._conformal = made_or_reason(lambda: Conformal(networks.target, networks.configuration, seed))
        self.curve = made_or_reason(lambda: curve_of(group.panel.grid, networks, seed))

    def add(self, name: str, judged: Judged, noise: Floats | None) -> None:
        """The figures of one measure.

        Args:
            name: of the measure.
            judged: where they are written.
            noise: standard deviation [n] of its scores over draws of its estimator, None where unknown.
        """
        figures, scores = judged.figures, self._networks.scores[name]
        increment: Increment | None = judged.of("increment", self._increment, scores)
        figures["residual_spearman"] = None if increment is None else increment.rho
        figures["increment"] = None
        if increment is None:
            judged.why["residual_spearman"] = judged.why["increment"]
        else:
            figures["increment"] = {
                "delta_mse": increment.delta_mse,
                "mse_without": increment.mse_without,
                "mse_with": increment.mse_with,
                "folds": FOLDS,
            }
        prediction: Prediction | None = judged.of("prediction", self._prediction, scores)
        figures["prediction"] = None
        if prediction is not None:
            figures["prediction"] = {
                "nominal": NOMINAL,
                "coverage": prediction.coverage,
                "half_width": prediction.half_width,
                "half_width_without": prediction.half_width_without,
                "splits": SPLITS,
            }
        rng = np.random.default_rng([self._options.seed, 0xF4A6])
        parts: Fragility | None = judged.of("fragility", fragility, scores, self._networks.configuration, noise, rng)
        figures["fragility"] = None
        if parts is not None:
            figures["fragility"] = {
                "configurations": parts.configurations,
                "seeds": parts.seeds,
                "draws": parts.draws,
            }
            if parts.draws is None:
                judged.why["fragility.draws"] = f"The ledger has no column noise.{name}."
        figures["label_equivalents"] = judged.of("label_equivalents", self._labels, judged, self._signs.get(name, 1))
        if figures["label_equivalents"] is not None and figures["interval"]["Psi"] is None:
            judged.why["label_equivalents.interval"] = judged.why["interval.Psi"]

    def _increment(self, scores: Floats) -> Increment:
        return defined(self._crossfit).of(scores)

    def _prediction(self, scores: Floats) -> Prediction:
        return defined(self._conformal).of(scores)

    def _labels(self, judged: Judged, sign: int) -> dict[str, Any]:
        if judged.figures["Psi"] is None:
            raise UndefinedError(judged.why["Psi"])
        curve = defined(self.curve)
        examples, censored = curve.equivalent(sign * judged.figures["Psi"])
        ends = judged.figures["interval"]["Psi"]
        turned = None if ends is None else sorted(sign * end for end in ends)
        return {
            "examples": examples,
            "censored": censored,
            "interval": None if turned is None else [curve.equivalent(end)[0] for end in turned],
        }


def curve_of(grid: Grid, networks: Networks, seed: int) -> LabelCurve:
    """The label curve of some networks.

    Raises:
        UndefinedError: see `label_curve`; or a target that is a loss.
    """
    if networks.accuracy is None:
        raise UndefinedError("Labels give an estimate of an accuracy; this target is a loss.")
    return label_curve(grid, networks.target, networks.accuracy, seed)


def pareto(entries: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> dict[str, bool | None]:
    """Whether no other of the measures has a Psi at least as large, in the expected direction, for no more seconds.

    None for a measure without a Psi or a cost. Of two that are equal in both, both stand.
    """
    points = {
        name: (entries[name]["cost"]["median_seconds"], entries[name]["Psi"] * entries[name]["expected_sign"])
        for name in names
        if entries[name]["Psi"] is not None and entries[name]["cost"]["median_seconds"] is not None
    }
    seconds, psi = (np.array([point[axis] for point in points.values()], dtype=np.float64) for axis in range(2))
    no_worse = (seconds[None] <= seconds[:, None]) & (psi[None] >= psi[:, None])
    better = (seconds[None] < seconds[:, None]) | (psi[None] > psi[:, None])
    front = {name: not bool((no_worse[place] & better[place]).any()) for place, name in enumerate(points)}
    return {name: front.get(name) for name in names}


def noise_of(runs: pd.DataFrame, name: str) -> Floats | None:
    """The column noise.<name>, NaN as 0; None where the ledger does not have it."""
    if f"noise.{name}" not in runs:
        return None
    return runs[f"noise.{name}"].fillna(0).to_numpy(dtype=np.float64)
