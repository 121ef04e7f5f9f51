"""Every statistic of any number of measures on one set of networks; what they have in common is worked out once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from leaderboard.ledger.arrays import Networks
from leaderboard.statistics.conditional import Information, cmi_of, pgdl_of
from leaderboard.statistics.granulated import Agreements, Grid, grid_of, sign_along
from leaderboard.statistics.influence import Influence, Layout
from leaderboard.statistics.kendall import tau_a_of, tau_b_of
from leaderboard.statistics.pairs import Cells, Floats, PairCounter
from leaderboard.statistics.resampling import TauBDraws, interval, student, within_bounds
from leaderboard.statistics.sign_error import (
    Environments,
    Weights,
    environment_losses,
    environments_of,
    sign_error,
)
from leaderboard.statistics.spearman import hyperparameter_basis, partial_spearman, spearman
from leaderboard.statistics.undefined import UndefinedError, defined, made_or_reason, require_contrast

Seeds = Literal["averaged", "kept"]

AT_ONCE: Final = 32  # measures whose pairs are held at a time
HISTOGRAM: Final = 10  # equal bins of [0, 1] in which the environments' sign errors are counted


@dataclass(slots=True)
class Judged:
    """One measure on one set of networks.

    Attributes:
        figures: its statistics, None where one has no value.
        why: the reasons.
        draws: "tau_b" and "Psi" in each resample [bootstrap], NaN where one has no value.
    """

    figures: dict[str, Any]
    why: dict[str, str]
    draws: dict[str, Floats] = field(default_factory=dict)

    def of(self, name: str, statistic: Callable[..., Any], *inputs: Any) -> Any:
        """What the statistic returns; None where it is undefined, and then the reason is kept under the name."""
        try:
            return statistic(*inputs)
        except UndefinedError as reason:
            self.why[name] = str(reason)
            return None


@dataclass(frozen=True, slots=True)
class _Part:
    """Some environments: all, or those of one hyperparameter, its name; and the least and median effective number."""

    name: str
    members: NDArray[np.bool_]
    effective: Mapping[str, float]


class Panel:
    """Networks with their hyperparameters, targets and resamples, on which any number of measures is judged.

    Args:
        networks: those that have a score; configurations numbered from 0.
        counts: how often each configuration is drawn, [bootstrap, c].
        seeds: whether psi compares configurations, their seeds averaged, or networks.
        weights: of the sign error.
        seed: decides the `shares` [bootstrap] of `resampling.student`.
    """

    def __init__(self, networks: Networks, counts: Floats, *, seeds: Seeds, weights: Weights, seed: int) -> None:
        self.networks = networks
        self.counts = counts
        self.shares = np.random.default_rng([seed, 0x57D7]).random(len(counts))
        self.weights = weights
        n = len(networks)
        self.grid = grid_of(networks.levels, n, configuration=networks.configuration, kept=seeds == "kept")
        self.target = self.grid.averaged(networks.target)
        self.layout = made_or_reason(lambda: Layout(self.grid))
        self.target_signs = {name: sign_along(axis, self.target) for name, axis in self.grid.axes.items()}
        self._basis = hyperparameter_basis(networks.hyperparameters)
        self._environments = made_or_reason(self._environments_of)
        self._counter = made_or_reason(self._counter_of)
        self._tau_b_draws = TauBDraws(counts, networks.configuration, networks.target) if len(counts) and n else None

    def judge(self, names: Sequence[str]) -> tuple[dict[str, Judged], Influence | None]:
        """The statistics of measures that have a finite score for each of the networks.

        Returns:
            By name, what is found; and the influences on Psi, one column a measure, where Psi has a spread.
        """
        found: dict[str, Judged] = {}
        influences: list[Influence] = []
        for begin in range(0, len(names), AT_ONCE):
            some = names[begin : begin + AT_ONCE]
            agreements = {name: signs * self.target_signs[name][:, None] for name, signs in self.signs_of(some).items()}
            influence = self.influence(agreements)
            if influence is not None:
                influences.append(influence)
            psi = {name: axis.mean(agreements[name]) for name, axis in self.grid.axes.items()}
            departures = None
            if influence is not None and len(self.counts):
                departures = student(influence.draws(self.counts), influence.degrees(), self.shares)
            for place, name in enumerate(some):
                mine = {axis: float(values[place]) for axis, values in psi.items()}
                found[name] = self._judged(name, mine, None if departures is None else departures[:, place])
        if not influences:
            return found, None
        return found, Influence(
            np.concatenate([each.of_configuration for each in influences], axis=1),
            np.concatenate([each.of_pair for each in influences], axis=1),
            influences[0].correction,
        )

    def signs_of(self, names: Sequence[str]) -> dict[str, Agreements]:
        """Of the differences of the scores of M measures, along each axis [p, M]."""
        scores = np.stack([self.grid.averaged(self.networks.scores[name]) for name in names], axis=1)
        return {name: sign_along(axis, scores) for name, axis in self.grid.axes.items()}

    def influence(self, agreements: Mapping[str, Agreements]) -> Influence | None:
        """On Psi, of measures with these agreements [p, M] along each axis; None where it is undefined."""
        return None if isinstance(self.layout, str) else self.layout.influence(agreements)

    def _judged(self, name: str, psi: dict[str, float], departures: Floats | None) -> Judged:
        scores, target = self.networks.scores[name], self.networks.target
        judged = Judged({"n": len(scores)}, {})
        figures, why, of = judged.figures, judged.why, judged.of
        cells = self._counter if isinstance(self._counter, str) else self._counter.count(scores)
        for statistic, figure in (("tau_a", tau_a_of), ("tau_b", tau_b_of)):
            figures[statistic] = of(statistic, self._counted, figure, cells)
        figures["spearman"] = of("spearman", spearman, scores, target)
        figures["partial_spearman"] = of("partial_spearman", partial_spearman, scores, target, self._basis)
        figures["sign_error"] = of("sign_error", self._sign_error, scores)
        for statistic, information in (("cmi", cmi_of), ("pgdl", pgdl_of)):
            least: Information | None = of(statistic, self._counted, information, cells)
            figures[statistic] = None if least is None else least.value
            figures[f"{statistic}_given"] = None if least is None else list(least.given)
        figures["Psi"] = of("Psi", self._psi, psi)
        if figures["Psi"] is None:
            psi = {}
        figures["psi"] = {axis: psi.get(axis) for axis in self.networks.levels}
        why |= {
            f"psi.{axis}": self.grid.missing.get(axis) or why["Psi"] for axis in self.networks.levels if axis not in psi
        }
        judged.draws = self._draws(scores, figures["Psi"], departures)
        figures["interval"] = {}
        for statistic, layout in (("tau_b", None), ("Psi", self.layout)):
            figures["interval"][statistic] = None
            if figures[statistic] is None:
                why[f"interval.{statistic}"] = why[statistic]
            elif isinstance(layout, str):
                why[f"interval.{statistic}"] = layout
            else:
                comparisons = self.networks.size // 2 if layout is None else layout.comparisons
                draws = judged.draws[statistic]
                figures["interval"][statistic] = of(f"interval.{statistic}", interval, draws, comparisons)
        return judged

    def _draws(self, scores: Floats, psi: float | None, departures: Floats | None) -> dict[str, Floats]:
        nothing = np.full(len(self.counts), np.nan)
        return {
            "tau_b": nothing if self._tau_b_draws is None else self._tau_b_draws.of(scores),
            "Psi": nothing if psi is None or departures is None else within_bounds(psi, departures),
        }

    def _psi(self, psi: Mapping[str, float]) -> float:
        if not self.grid.axes:
            raise UndefinedError(_no_neighbours(self.grid))
        require_contrast(self.target)
        return sum(psi.values()) / len(psi)

    @staticmethod
    def _counted(statistic: Callable[[Cells], Any], cells: Cells | str) -> Any:
        return statistic(defined(cells))

    def _counter_of(self) -> PairCounter:
        require_contrast(self.networks.target)
        return PairCounter(self.networks.target, self.networks.levels)

    def _environments_of(self) -> tuple[Environments, list[_Part]]:
        of = self.networks
        if of.test_size is None:
            raise UndefinedError("Its weights need a target that is a share of test examples; this one is a loss.")
        found = environments_of(of.target, of.levels, of.test_size, of.accuracy, weights=self.weights)
        along = [_part(str(name), found, found.axis == name) for name in np.unique(found.axis)]
        return found, [_part("", found, np.ones(len(found.axis), dtype=np.bool_)), *along]

    def _sign_error(self, scores: Floats) -> dict[str, Any]:
        environments, (everywhere, *along) = defined(self._environments)
        losses = environment_losses(environments, scores)
        return {
            **_summary(losses, everywhere),
            "histogram": np.histogram(losses, bins=HISTOGRAM, range=(0, 1))[0].tolist(),
            "along": {part.name: _summary(losses, part) for part in along},
        }


def _part(name: str, environments: Environments, members: NDArray[np.bool_]) -> _Part:
    effective = environments.effective[members]
    return _Part(name, members, {"min": float(effective.min()), "median": float(np.median(effective))})


def _summary(losses: Floats, part: _Part) -> dict[str, Any]:
    found = sign_error(losses[part.members])
    return {
        "mean": found.mean,
        "p90": found.p90,
        "max": found.max,
        "environments": found.environments,
        "effective": dict(part.effective),
    }


def _no_neighbours(grid: Grid) -> str:
    """Why nothing is compared."""
    too_many = next((why for why in grid.missing.values() if why.startswith("More than")), None)
    return too_many or "No two networks differ in exactly one hyperparameter."
