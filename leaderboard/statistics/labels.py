"""Label equivalents: number of labelled held-out examples that order the networks as well as a score."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboard.statistics.granulated import Grid, agreement
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.undefined import UndefinedError, require_contrast

NUMBERS: Final = tuple(
    int(m) for m in np.unique(np.round(10 ** np.arange(0, 5.01, 0.2)))
)  # five a decade, 1 to 100,000: twice the largest common test set
DRAWN: Final = 100_000  # simulated values for each number of examples: small grids have more repeats


@dataclass(frozen=True, slots=True)
class LabelCurve:
    """Psi of the estimate from a number of labelled examples.

    Attributes:
        examples: their numbers m.
        psi: mean Psi over simulations of each, made monotone.
    """

    examples: tuple[int, ...]
    psi: Floats

    def equivalent(self, psi: float) -> tuple[float, bool]:
        """Find the number of examples that reaches this Psi, and whether even the largest of the curve does not.

        Interpolated in the logarithm of the number, below one example in the number; 0 for a Psi of 0 or less.
        """
        if psi <= 0:
            return 0.0, False
        if psi > self.psi[-1]:
            return float(self.examples[-1]), True
        if psi <= self.psi[0]:
            return float(psi / self.psi[0]), False
        return float(np.exp(np.interp(psi, self.psi, np.log(self.examples)))), False


def label_curve(grid: Grid, target: Floats, accuracy: Floats, seed: int) -> LabelCurve:
    r"""Simulate how well the target is ordered by its estimate from m labelled examples, independent for each network.

    .. math:: \hat g = g + p - X / m, \quad X \sim \mathrm{Bin}(m, p)

    where p is the network's test accuracy: the estimate of train accuracy minus test accuracy, or of the test error,
    from a validation set of m examples. Networks that share their examples are compared with less noise, and would need
    fewer.

    Args:
        grid: the networks.
        target: g [n]: a gap or an error, in units of accuracy.
        accuracy: p [n].
        seed: of the simulation.

    Raises:
        UndefinedError: a constant target, no neighbours, or networks without a test accuracy.
    """
    require_contrast(target)
    if not grid.axes:
        raise UndefinedError(grid.why_empty)
    if not (np.isfinite(accuracy) & (accuracy >= 0) & (accuracy <= 1)).all():
        raise UndefinedError("It needs the test accuracy of every network, between 0 and 1.")
    rng = np.random.default_rng([seed, 0x1ABE])
    goal = grid.average(target)
    sizes = np.bincount(grid.configuration)
    repeats = max(8, min(256, DRAWN // len(target)))
    of_each = (grid.configuration + grid.size * np.arange(repeats)[:, None]).ravel()
    means = []
    for m in NUMBERS:
        drawn = rng.binomial(m, accuracy, size=(repeats, len(target))) / m
        estimate = np.round(target + accuracy - drawn, 12)  # equal counts of equal networks tie
        if not grid.kept:
            estimate = np.bincount(of_each, estimate.ravel()).reshape(repeats, grid.size) / sizes
        psi = [axis.mean(agreement(axis, estimate.T, goal)) for axis in grid.axes.values()]
        means.append(float(np.mean(psi)))
    return LabelCurve(NUMBERS, np.maximum.accumulate(means))
