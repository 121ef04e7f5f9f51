"""Coverage of the intervals of tau-b, Psi and the gate, in ledgers redrawn from a population."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.statistics.bins import levels_of
from leaderboard.statistics.gate import randomization_gate
from leaderboard.statistics.granulated import agreement, granulated, grid_of
from leaderboard.statistics.influence import Layout
from leaderboard.statistics.kendall import tau_b
from leaderboard.statistics.resampling import Interval, TauBDraws, confidence_draws, draw, interval

Floats = NDArray[np.float64]
Design = Callable[[np.random.Generator], Floats]  # hyperparameters [c, k] of configurations

SPREAD: Final = 0.3  # of the gap beside what the hyperparameters do to it
NOISES: Final = (0.3, 0.7)  # added to the gap to make a score
NEARLY_NONE: Final = (0.018, 0.001, 0.0005)  # the same for a Psi of 0.963, 0.998 and 0.999
RESAMPLES: Final = 500
REDRAWN: Final = 4000  # ledgers whose mean is the truth


def searched(configurations: int) -> Design:
    """A random search: a continuous rate, which Psi bins, and two hyperparameters of three levels."""

    def drawn(rng: np.random.Generator) -> Floats:
        return np.column_stack([rng.uniform(0, 2, configurations), rng.integers(0, 3, (configurations, 2))])

    return drawn


def whole_grid(*levels: int) -> Design:
    """Every place of the grid once: no configuration is drawn."""
    places = np.array(list(product(*map(range, levels))), dtype=np.float64)
    return lambda _: places


class Ledger:
    """Networks of a design, the effect of each hyperparameter on gap and score a third of the one before."""

    def __init__(
        self, design: Design, effect: float, seeds: int, rng: np.random.Generator, noises: Sequence[float] = NOISES
    ) -> None:
        table = design(rng)
        self.configuration = np.repeat(np.arange(len(table)), seeds)
        table = table[self.configuration]
        n = len(table)
        levels = levels_of(pd.DataFrame(table, columns=[f"hp.{i}" for i in range(table.shape[1])])).codes
        self.grid = grid_of(levels, n, configuration=self.configuration)
        self.target = table @ (effect / 3.0 ** np.arange(table.shape[1])) + SPREAD * rng.normal(size=n)
        self.scores = {noise: self.target + noise * rng.normal(size=n) for noise in noises}

    def figures(self) -> dict[tuple[str, float], float]:
        """Of each score tau-b and Psi."""
        target = self.grid.average(self.target)
        psi = {noise: granulated(self.grid, self.grid.average(mu), target)[0] for noise, mu in self.scores.items()}
        return {("tau_b", noise): tau_b(mu, self.target) for noise, mu in self.scores.items()} | {
            ("Psi", noise): value for noise, value in psi.items()
        }

    def intervals(self, resamples: int, rng: np.random.Generator) -> dict[tuple[str, float], Interval]:
        """Their intervals, as a ranking takes them."""
        counts = draw(self.grid.size, resamples, rng)
        draws_of_tau_b = TauBDraws(counts, self.configuration, self.target)
        shares = rng.random(resamples)
        layout, target = Layout(self.grid), self.grid.average(self.target)
        found = {}
        for noise, mu in self.scores.items():
            means = self.grid.average(mu)
            agreements = {name: agreement(axis, means, target)[:, None] for name, axis in self.grid.axes.items()}
            influence = layout.influence(agreements)
            draws, value = draws_of_tau_b.of(mu), tau_b(mu, self.target)
            found["tau_b", noise] = interval(
                confidence_draws(value, draws, float(draws.var()), self.grid.size // 2, shares)
            )
            departures, variance = influence.draws(counts)[:, 0], float(influence.variance()[0])
            value = granulated(self.grid, means, target)[0]
            found["Psi", noise] = interval(confidence_draws(value, departures, variance, layout.comparisons, shares))
        return found


def held(
    design: Design,
    effect: float,
    seeds: int,
    ledgers: int,
    redrawn: int = REDRAWN,
    resamples: int = RESAMPLES,
    noises: Sequence[float] = NOISES,
) -> Mapping[tuple[str, float], tuple[float, float]]:
    """By figure and score: the truth, and the share of the ledgers whose interval holds it."""
    rng = np.random.default_rng(0)
    sample = [Ledger(design, effect, seeds, rng, noises).figures() for _ in range(redrawn)]
    truth = {key: float(np.mean([found[key] for found in sample])) for key in sample[0]}
    counts = dict.fromkeys(truth, 0)
    for _ in range(ledgers):
        for key, (low, high) in Ledger(design, effect, seeds, rng, noises).intervals(resamples, rng).items():
            counts[key] += int(low <= truth[key] <= high)
    return {key: (truth[key], counts[key] / ledgers) for key in truth}


def held_by_the_gate(auc: float, settings: int, ledgers: int, resamples: int = RESAMPLES) -> float:
    """Share of the ledgers whose interval of the AUC holds the truth, with one pair of networks in each setting."""
    rng = np.random.default_rng(0)
    random, setting = np.tile([True, False], settings), np.repeat(np.arange(settings), 2)
    count = 0
    for _ in range(ledgers):
        scores = np.where(random, np.repeat(rng.random(settings) < auc, 2), 0.5)
        gate = randomization_gate(scores, random, setting, draw(settings, resamples, rng))
        assert gate.interval is not None
        count += int(gate.interval.low <= auc <= gate.interval.high)
    return count / ledgers
