"""Compute all statistics of any number of measures on one set of networks, sharing intermediate results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from leaderboard.ledger.arrays import Networks
from leaderboard.ranking.entry import Effective, Intervals, SignErrors, SignErrorsByAxis, Statistics
from leaderboard.ranking.report import Seeds
from leaderboard.statistics.conditional import cmi_of, pgdl_of
from leaderboard.statistics.granulated import Agreements, agreement, grid_of, sign_along
from leaderboard.statistics.influence import Influence, Layout
from leaderboard.statistics.kendall import tau_a_of, tau_b_of
from leaderboard.statistics.pairs import Cells, Floats, PairCounter
from leaderboard.statistics.projection import tau_b_draws
from leaderboard.statistics.resampling import confidence_draws, interval
from leaderboard.statistics.sign_error import (
    Enough,
    Environments,
    Weights,
    environment_losses,
    environments_of,
    sign_error,
)
from leaderboard.statistics.spearman import hyperparameter_basis, partial_spearman, spearman
from leaderboard.statistics.undefined import Reasons, UndefinedError, defined, require_contrast, value_or_reason

Found = TypeVar("Found")

AT_ONCE: Final = 32  # measures whose pairs are held at a time
HISTOGRAM: Final = 10  # equal bins of [0, 1] in which the environments' sign errors are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Tau-b and Psi of one measure in each resample [bootstrap], NaN if undefined."""

    tau_b: Floats
    Psi: Floats


@dataclass(frozen=True, slots=True)
class Judged:
    """Statistics of one measure on one set of networks, and their resamples."""

    statistics: Statistics
    draws: Draws


@dataclass(frozen=True, slots=True)
class _Part:
    """Some environments: all (no name), or those of one hyperparameter."""

    name: str
    members: NDArray[np.bool_]
    effective: Effective


class Panel:
    """Networks with hyperparameters, targets and resamples, on which any number of measures can be evaluated.

    Args:
        networks: those that have a score; configurations numbered from 0.
        counts: how often each configuration is drawn, [bootstrap, c].
        seeds: whether psi compares configurations, their seeds averaged, or networks.
        weights: of the sign error.
        enough: pairs that an environment of the sign error needs.
        apart: the hyperparameters whose psi is no part of Psi.
        seed: decides the `shares` [bootstrap] of `confidence_draws`.
    """

    def __init__(
        self,
        networks: Networks,
        counts: Floats,
        *,
        seeds: Seeds,
        weights: Weights,
        enough: Enough = "share",
        seed: int,
        apart: Sequence[str] = (),
    ) -> None:
        self.networks = networks
        self.counts = counts
        self.shares = np.random.default_rng([seed, 0x57D7]).random(len(counts))
        self.weights, self.enough = weights, enough
        n = len(networks)
        whole = grid_of(networks.levels, n, configuration=networks.configuration, kept=seeds == "kept")
        self.grid = replace(whole, axes={name: axis for name, axis in whole.axes.items() if name not in apart})
        self._apart = {name: axis for name, axis in whole.axes.items() if name in apart}
        self.target = self.grid.average(networks.target)
        self.layout = value_or_reason(lambda: Layout(self.grid))
        self.target_signs = {name: sign_along(axis, self.target) for name, axis in self.grid.axes.items()}
        self._basis = hyperparameter_basis(networks.hyperparameters)
        self._environments = value_or_reason(self._environments_of)
        self._counter = value_or_reason(self._counter_of)
        self._tau_b_draws = tau_b_draws(counts, networks.configuration, networks.target) if len(counts) and n else None

    def judge(self, names: Sequence[str]) -> tuple[dict[str, Judged], Influence | None]:
        """Compute the statistics of measures that have a finite score for every network.

        Returns:
            Statistics by name; and the influences on Psi, one column for each measure, if Psi has a standard error.
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
            apart = self._psi_apart(some)
            draws = None if influence is None else (influence.draws(self.counts), influence.variance())
            for place, name in enumerate(some):
                mine = {axis: float(values[place]) for axis, values in psi.items()}
                others = {axis: float(values[place]) for axis, values in apart.items()}
                of_psi = None if draws is None else self._draws_of_psi(mine, draws[0][:, place], float(draws[1][place]))
                found[name] = self._judged(name, mine, others, of_psi)
        if not influences:
            return found, None
        return found, Influence(
            np.concatenate([each.of_configuration for each in influences], axis=1),
            np.concatenate([each.of_pair for each in influences], axis=1),
            influences[0].correction,
        )

    def signs_of(self, names: Sequence[str]) -> dict[str, Agreements]:
        """Compute the signs of the differences of the scores of M measures, along each axis [p, M]."""
        scores = np.stack([self.grid.average(self.networks.scores[name]) for name in names], axis=1)
        return {name: sign_along(axis, scores) for name, axis in self.grid.axes.items()}

    def influence(self, agreements: Mapping[str, Agreements]) -> Influence | None:
        """Compute the influences on Psi from agreements [p, M] along each axis; None if undefined."""
        return None if isinstance(self.layout, str) else self.layout.influence(agreements)

    def _psi_apart(self, names: Sequence[str]) -> dict[str, Floats]:
        """Compute the psi [M] that are no part of Psi."""
        if not self._apart or self.target.min() == self.target.max():
            return {}
        scores = np.stack([self.grid.average(self.networks.scores[name]) for name in names], axis=1)
        return {name: axis.mean(agreement(axis, scores, self.target)) for name, axis in self._apart.items()}

    def _judged(self, name: str, psi: dict[str, float], apart: dict[str, float], draws_of_psi: Floats | None) -> Judged:
        scores, target, axes = self.networks.scores[name], self.networks.target, self.networks.levels
        why = Reasons()
        cells = self._counter if isinstance(self._counter, str) else self._counter.count(scores)
        tau_a = why.of("tau_a", self._counted, tau_a_of, cells)
        tau_b = why.of("tau_b", self._counted, tau_b_of, cells)
        rho = why.of("spearman", spearman, scores, target)
        partial = why.of("partial_spearman", partial_spearman, scores, target, self._basis)
        errors = why.of("sign_error", self._sign_error, scores)
        cmi = why.of("cmi", self._counted, cmi_of, cells)
        pgdl = why.of("pgdl", self._counted, pgdl_of, cells)
        mean_psi = why.of("Psi", self._psi, psi)
        psi = apart if mean_psi is None else psi | apart
        why |= {f"psi.{axis}": self.grid.missing.get(axis) or why["Psi"] for axis in axes if axis not in psi}
        draws = Draws(
            tau_b=self._draws_of_tau_b(scores, tau_b),
            Psi=np.full(len(self.counts), np.nan) if mean_psi is None or draws_of_psi is None else draws_of_psi,
        )
        statistics = Statistics(
            n=len(scores),
            tau_a=tau_a,
            tau_b=tau_b,
            spearman=rho,
            partial_spearman=partial,
            sign_error=errors,
            cmi=None if cmi is None else cmi.value,
            cmi_given=None if cmi is None else cmi.given,
            pgdl=None if pgdl is None else pgdl.value,
            pgdl_given=None if pgdl is None else pgdl.given,
            Psi=mean_psi,
            psi={axis: psi.get(axis) for axis in axes},
            interval=self._intervals(why, draws),
            why=why,
        )
        return Judged(statistics, draws)

    def _intervals(self, why: Reasons, draws: Draws) -> Intervals:
        """Compute the intervals of a measure; the reasons for missing ones go to `why`."""
        if "tau_b" in why:
            why["interval.tau_b"] = why["tau_b"]
            tau_b = None
        else:
            tau_b = why.of("interval.tau_b", interval, draws.tau_b, self.networks.size // 2)
        if "Psi" in why or isinstance(self.layout, str):
            why["interval.Psi"] = why.get("Psi", str(self.layout))
            return Intervals(tau_b=tau_b, Psi=None)
        return Intervals(tau_b=tau_b, Psi=why.of("interval.Psi", interval, draws.Psi, self.layout.comparisons))

    def _draws_of_tau_b(self, scores: Floats, tau_b: float | None) -> Floats:
        if self._tau_b_draws is None or tau_b is None:
            return np.full(len(self.counts), np.nan)
        draws = self._tau_b_draws.of(scores)
        known = draws[~np.isnan(draws)]
        variance = float(known.var()) if len(known) else 0.0
        return confidence_draws(tau_b, draws, variance, max(1, self.networks.size // 2), self.shares)

    def _draws_of_psi(self, psi: Mapping[str, float], departures: Floats, variance: float) -> Floats:
        value = sum(psi.values()) / len(psi)
        return confidence_draws(value, departures, variance, defined(self.layout).comparisons, self.shares)

    def _psi(self, psi: Mapping[str, float]) -> float:
        if not self.grid.axes:
            only = ", ".join(self._apart)
            why = f"No two networks of one value of {only} differ in exactly one other hyperparameter."
            raise UndefinedError(why if only else self.grid.why_empty)
        require_contrast(self.target)
        return sum(psi.values()) / len(psi)

    @staticmethod
    def _counted(statistic: Callable[[Cells], Found], cells: Cells | str) -> Found:
        return statistic(defined(cells))

    def _counter_of(self) -> PairCounter:
        require_contrast(self.networks.target)
        return PairCounter(self.networks.target, self.networks.levels)

    def _environments_of(self) -> tuple[Environments, list[_Part]]:
        of = self.networks
        if of.test_size is None:
            raise UndefinedError("Its weights need a target that is a share of test examples; this one is a loss.")
        found = environments_of(
            of.target, of.levels, of.test_size, of.accuracy, weights=self.weights, enough=self.enough
        )
        along = [_part(str(name), found, found.axis == name) for name in np.unique(found.axis)]
        return found, [_part("", found, np.ones(len(found.axis), dtype=np.bool_)), *along]

    def _sign_error(self, scores: Floats) -> SignErrorsByAxis:
        environments, (everywhere, *along) = defined(self._environments)
        losses = environment_losses(environments, scores)
        found = _summary(losses, everywhere)
        return SignErrorsByAxis(
            mean=found.mean,
            p90=found.p90,
            max=found.max,
            environments=found.environments,
            effective=found.effective,
            histogram=np.histogram(losses, bins=HISTOGRAM, range=(0, 1))[0].tolist(),
            along={part.name: _summary(losses, part) for part in along},
        )


def _part(name: str, environments: Environments, members: NDArray[np.bool_]) -> _Part:
    effective = environments.effective[members]
    return _Part(name, members, Effective(min=float(effective.min()), median=float(np.median(effective))))


def _summary(losses: Floats, part: _Part) -> SignErrors:
    found = sign_error(losses[part.members])
    return SignErrors(
        mean=found.mean, p90=found.p90, max=found.max, environments=found.environments, effective=part.effective
    )
