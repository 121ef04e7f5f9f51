"""Test measures against chance and beside the joint prediction of all hyperparameters, corrected over all measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final

import numpy as np

from leaderboard.ledger.arrays import Networks
from leaderboard.ledger.controls import TOGETHER
from leaderboard.ranking.entry import Beyond, Chance, Null, ToldFrom, Verdict
from leaderboard.ranking.groups import Group, Options
from leaderboard.ranking.report import Family
from leaderboard.ranking.statistics_of import Judged
from leaderboard.statistics.crossfit import CrossFit, Increment
from leaderboard.statistics.granulated import agreement, grid_of
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.permutation import LEVEL, null_psi, p_value, shuffle_within, sources, step_down
from leaderboard.statistics.resampling import NO_SPREAD
from leaderboard.statistics.undefined import Reasons, UndefinedError, defined, value_or_reason

SETTLED: Final = 1.959964 + 0.841621  # standard errors: 95 % confidence, two-sided, reached four times in five
BEYOND: Final = "told_from.hyperparameters"  # in the reasons
METHOD: Final = "Westfall-Young step-down maximum of |z|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """Tests of one measure against chance and beside the hyperparameters."""

    null: Null | None
    told_from: ToldFrom
    why: Mapping[str, str]


@dataclass(slots=True)
class Tests:
    """Collects one test for each measure over all groups, and corrects their p-values together.

    Attributes:
        z: observed, standardised.
        null: draws of z under the null [B], the same resamples for every measure.
    """

    z: dict[str, float] = field(default_factory=dict)
    null: dict[str, Floats] = field(default_factory=dict)

    def add(self, name: str, observed: float, null: Floats) -> None:
        """Add an observed statistic and draws of it under the null; without spread nothing is found.

        Mean and standard deviation are those of the draws and the observed one together, as under the null it is one of
        them: standardised by the draws alone it is too large, and 7 % of families get a verdict at 5 % with 200 draws.
        """
        every = np.append(null, observed)
        centre, spread = float(every.mean()), float(every.std())
        flat = float(null.std()) <= NO_SPREAD
        self.z[name] = 0.0 if flat or abs(observed - centre) <= NO_SPREAD else (observed - centre) / spread
        self.null[name] = np.zeros_like(null) if flat else (null - centre) / spread

    def correct(self, family: Sequence[str]) -> dict[str, float]:
        """Correct the p-values over those of the family that have a test."""
        names = [name for name in family if name in self.z]
        if not names:
            return {}
        found = step_down(
            np.array([self.z[name] for name in names]), np.stack([self.null[name] for name in names], axis=1)
        )
        return dict(zip(names, found.tolist(), strict=True))


class Verdicts:
    """Collects the tests of all measures, group by group, and gives the verdicts.

    Args:
        networks: all of the ledger.
        options: of the ranking.
        signs: the expected sign of each measure.
        within: the hyperparameter of the strata; None where there is one stratum.
    """

    def __init__(
        self,
        networks: Networks,
        options: Options,
        signs: Mapping[str, int],
        within: str | None,
    ) -> None:
        self.signs = signs
        self._options = options
        self._within = within
        first = np.unique(networks.configuration, return_index=True)[1]
        self._stratum = networks.stratum[first]  # [c]
        rng = np.random.default_rng([options.seed, 0x9E27])
        self._order = shuffle_within(self._stratum, options.permutations, rng)
        self._networks: dict[str, int] = {}
        self._why: dict[str, Reasons] = {}
        self._nulls: dict[str, Null] = {}
        self._beyond: dict[str, Beyond] = {}
        self._chance_tests, self._beyond_tests = Tests(), Tests()

    def add(self, group: Group, judged: Mapping[str, Judged]) -> None:
        """Test the measures of one group."""
        self._why |= {name: Reasons() for name in judged}
        self._networks |= {name: one.statistics.n for name, one in judged.items()}
        self._test_chance(group, judged)
        self._test_hyperparameters(group, judged)

    def finish(self, names: Sequence[str], family: Sequence[str]) -> dict[str, Significance]:
        """Correct the p-values over the family, and give the verdicts on each measure."""
        chance, beside = self._chance_tests.correct(family), self._beyond_tests.correct(family)
        return {
            name: Significance(
                null=None if null is None else replace(null, p_adjusted=chance.get(name)),
                told_from=ToldFrom(
                    random=None if null is None else self._against_chance(name, null, chance.get(name)),
                    hyperparameters=None if more is None else self._beside(name, more, beside.get(name)),
                ),
                why=self._why[name],
            )
            for name in names
            for null, more in [(self._nulls.get(name), self._beyond.get(name))]
        }

    def _against_chance(self, name: str, null: Null, p_adjusted: float | None) -> Chance:
        distance = null.Psi - null.mean
        p = null.p if p_adjusted is None else p_adjusted
        return Chance(
            verdict=verdict(p, distance * self.signs.get(name, 1)),
            networks_needed=networks_needed(self._networks[name], distance, null.sd),
        )

    def _test_chance(self, group: Group, judged: Mapping[str, Judged]) -> None:
        networks, grid = group.panel.networks, group.panel.grid
        if grid.kept:  # configurations change places as a whole
            grid = grid_of(networks.levels, len(networks), configuration=networks.configuration)
        grid = replace(grid, axes={name: axis for name, axis in grid.axes.items() if name in group.panel.grid.axes})
        names = [name for name in group.names if judged[name].statistics.Psi is not None]
        reason = f"No two networks of one {self._within} differ in exactly one hyperparameter."
        null = None
        if self._options.permutations == 0:
            reason = "No permutations were asked for."
        elif names and grid.axes:
            target = grid.average(networks.target)
            scores = np.stack([grid.average(networks.scores[name]) for name in names], axis=1)
            null = null_psi(grid, scores, target, sources(self._order, self._stratum, group.present))
            here = [axis.mean(agreement(axis, scores, target)) for axis in grid.axes.values()]
            observed = np.mean(here, axis=0)
        for name, one in judged.items():
            if null is None or name not in names:
                why = one.statistics.why.get("Psi", reason)
                self._why[name] |= {"null": why, "told_from.random": why}
                continue
            draws, value = null[:, names.index(name)], float(observed[names.index(name)])
            mean, sd = float(draws.mean()), float(draws.std())
            self._nulls[name] = Null(Psi=value, p=p_value(value, draws), mean=mean, sd=sd)
            self._chance_tests.add(name, value, draws)

    def _test_hyperparameters(self, group: Group, judged: Mapping[str, Judged]) -> None:
        networks = group.panel.networks
        first = np.unique(networks.configuration, return_index=True)[1]
        grid = grid_of(networks.levels, len(networks), configuration=networks.configuration)

        def cross_fit() -> CrossFit:
            if self._options.permutations == 0:
                raise UndefinedError("No permutations were asked for.")
            table = networks.hyperparameters.iloc[first].reset_index(drop=True)
            return CrossFit(table, grid.average(networks.target), np.arange(len(first)), self._options.seed)

        fit = value_or_reason(cross_fit)
        left: dict[str, Floats] = {}
        rho: dict[str, float] = {}
        for name in judged:
            if name == TOGETHER:
                self._why[name] |= {BEYOND: "It is what the hyperparameters say together."}
                continue
            found = self._why[name].of(BEYOND, _increment, fit, grid.average(networks.scores[name]))
            if found is not None:
                left[name], rho[name] = found.left, found.rho
        if isinstance(fit, str) or not left:
            return
        null = fit.null(np.stack(list(left.values()), axis=1), sources(self._order, self._stratum, group.present))
        for place, name in enumerate(left):
            draws = null[:, place]
            mean, sd = float(draws.mean()), float(draws.std())
            self._beyond[name] = Beyond(
                rho=rho[name],
                interactions=fit.interactions,
                p=p_value(rho[name], draws),
                networks_needed=networks_needed(self._networks[name], rho[name] - mean, sd),
            )
            self._beyond_tests.add(name, rho[name], draws)

    def _beside(self, name: str, found: Beyond, p_adjusted: float | None) -> Beyond:
        p = found.p if p_adjusted is None else p_adjusted
        return replace(found, p_adjusted=p_adjusted, verdict=verdict(p, found.rho * self.signs.get(name, 1)))


def _increment(fit: CrossFit | str, scores: Floats) -> Increment:
    return defined(fit).of(scores)


def verdict(p: float, direction: float) -> Verdict:
    """Give the verdict: better or worse if the corrected p-value is at most `LEVEL`."""
    if p > LEVEL or direction == 0:
        return "not told apart"
    return "better" if direction > 0 else "worse"


def family_of(measures: int) -> Family:
    """Describe the correction over a number of measures."""
    return Family(method=METHOD, level=LEVEL, measures=measures)


def networks_needed(n: int, difference: float, spread: float) -> int | None:
    r"""Compute how many networks would detect a difference of this size with a power of 80 %.

    .. math:: N = n \Big(\frac{(1.96 + 0.84) \, s}{|d|}\Big)^2

    for a test at 5 %, two-sided, of one difference alone: standard errors fall with the root of the number of
    networks. At least 2; None for no difference.

    Args:
        n: networks behind the figure.
        difference: d.
        spread: s, its standard error on these n.
    """
    if abs(difference) <= NO_SPREAD:
        return None
    return max(2, ceil(n * (SETTLED * spread / abs(difference)) ** 2))
