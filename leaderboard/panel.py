"""Every statistic of one measure on one set of networks; what all measures have in common is worked out once."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.statistics.conditional import Information, cmi, pgdl_score
from leaderboard.statistics.granulated import agreement, granulated, grid_of
from leaderboard.statistics.kendall import signs, tau_a, tau_b
from leaderboard.statistics.resampling import draw, interval, psi_draws, psi_weights, tau_b_draws
from leaderboard.statistics.sign_error import Environments, environment_losses, environments_of, sign_error
from leaderboard.statistics.spearman import hyperparameter_basis, partial_spearman, spearman
from leaderboard.statistics.undefined import Undefined

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def level_codes(hyperparameters: pd.DataFrame) -> dict[str, Ints]:
    """The code [n] of each hyperparameter's value; a missing value is a value of its own."""
    return {
        str(name): pd.factorize(values, sort=False, use_na_sentinel=False)[0].astype(np.int64)
        for name, values in hyperparameters.items()
    }


class Panel:
    """Networks with their hyperparameters, targets and resamples, on which any number of measures is judged.

    Args:
        hyperparameters: one column each, one row a network.
        target: [n], finite.
        test_size: number of test examples of each network [n]; None where the target is no share of test examples.
        bootstrap: number of resamples; 0 for no intervals.
        seed: decides the resamples.
    """

    def __init__(
        self, hyperparameters: pd.DataFrame, target: Floats, test_size: Floats | None, *, bootstrap: int, seed: int
    ) -> None:
        self.target = target
        self.test_size = test_size
        self.levels = level_codes(hyperparameters)
        self.grid = grid_of(self.levels, len(target))
        self.basis = hyperparameter_basis(hyperparameters)
        self.target_signs = signs(target)
        self.mean_target = self.grid.averaged(target)
        self.counts = draw(self.grid.size, bootstrap, np.random.default_rng(seed))  # [bootstrap, c]
        self.psi_weights = psi_weights(self.grid, self.counts)
        self.environments = self._environments()

    def judge(self, scores: Floats) -> tuple[dict[str, Any], Mapping[str, Floats]]:
        """The statistics of one measure's scores [n], and its resamples.

        Args:
            scores: [n], finite.

        Returns:
            The figures, None where one has no value, with the reasons under "why"; and tau-b and Psi in each resample
            [bootstrap], NaN where one has no value.
        """
        mean_scores = self.grid.averaged(scores)
        draws = self._draws(scores, mean_scores)
        why: dict[str, str] = {}
        levels, target = self.levels, self.target

        def of(name: str, statistic: Callable[..., Any], *inputs: Any) -> Any:
            try:
                return statistic(*inputs)
            except Undefined as reason:
                why[name] = str(reason)
                return None

        figures: dict[str, Any] = {
            "n": len(scores),
            "tau_a": of("tau_a", tau_a, scores, target),
            "tau_b": of("tau_b", tau_b, scores, target),
            "spearman": of("spearman", spearman, scores, target),
            "partial_spearman": of("partial_spearman", partial_spearman, scores, target, self.basis),
            "sign_error": of("sign_error", self._sign_error, scores),
        }
        for name, statistic in (("cmi", cmi), ("pgdl", pgdl_score)):
            found: Information | None = of(name, statistic, scores, target, levels)
            figures[name] = None if found is None else found.value
            figures[f"{name}_given"] = None if found is None else list(found.given)
        psi: dict[str, float] = {}
        figures["Psi"], psi = of("Psi", granulated, self.grid, mean_scores, self.mean_target) or (None, psi)
        figures["psi"] = {name: psi.get(name) for name in levels}
        why |= {f"psi.{name}": self.grid.missing.get(name) or why["Psi"] for name in levels if name not in psi}
        figures["interval"] = dict.fromkeys(draws)
        for name, values in draws.items():
            if figures[name] is None:
                why[f"interval.{name}"] = why[name]
            else:
                figures["interval"][name] = of(f"interval.{name}", interval, values)
        return {**figures, "why": why}, draws

    def _draws(self, scores: Floats, mean_scores: Floats) -> Mapping[str, Floats]:
        nothing = np.full(len(self.counts), np.nan)
        if len(self.counts) == 0 or len(scores) == 0:
            return {"tau_b": nothing, "Psi": nothing}
        agreements = {name: agreement(axis, mean_scores, self.mean_target) for name, axis in self.grid.axes.items()}
        return {
            "tau_b": tau_b_draws(self.counts, self.grid.configuration, signs(scores), self.target_signs),
            "Psi": psi_draws(self.psi_weights, agreements) if self.grid.axes else nothing,
        }

    def _environments(self) -> Environments | str:
        """The environments of the sign error, or the reason why there are none."""
        if self.test_size is None:
            return "Its weights need a target that is a share of test examples; this one is a loss."
        try:
            return environments_of(self.target, self.levels, self.test_size)
        except Undefined as reason:
            return str(reason)

    def _sign_error(self, scores: Floats) -> dict[str, Any]:
        if isinstance(self.environments, str):
            raise Undefined(self.environments)
        losses = environment_losses(self.environments, scores, self.target)
        overall = sign_error(losses)
        along = {
            str(name): sign_error(losses[self.environments.axis == name]) for name in np.unique(self.environments.axis)
        }
        return {
            "mean": overall.mean,
            "p90": overall.p90,
            "max": overall.max,
            "environments": overall.environments,
            "along": {
                name: {"mean": e.mean, "max": e.max, "environments": e.environments} for name, e in along.items()
            },
        }
