"""Label equivalents: number of labelled held-out examples that order the networks as well as a score."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.granulated import Axis, Grid
from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.undefined import UndefinedError, require_contrast

NUMBERS: Final = tuple(int(m) for m in np.unique(np.round(10 ** np.arange(0, 5.01, 0.2))))  # five a decade
DRAWN: Final = 100_000  # simulated comparisons for each number of examples: an error of 0.003 in Psi
CERTAIN: Final = 8.0  # standard errors; a larger observed difference has the order and nearly the size of the true one
STEP: Final = 0.25  # between the true differences that are considered, in standard errors: finer ones look alike
BIN: Final = 0.05  # of the observed differences, far below their noise of 1
ITERATIONS: Final = 300  # of expectation maximisation; more change the curve by less than its simulation's error
TRUE: Final = np.arange(-CERTAIN, CERTAIN + STEP, STEP)


@dataclass(frozen=True, slots=True)
class LabelCurve:
    """Psi of the estimate from a number of labelled examples.

    Attributes:
        examples: their numbers m, up to that behind the target: the target cannot show which of two better ones is.
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


@dataclass(frozen=True, slots=True)
class _Observed:
    """Means over the networks of each unit [u].

    Attributes:
        target: g.
        accuracy: on the test examples.
        variance: of the accuracy, the noise of the test examples.
        networks: their number.
    """

    target: Floats
    accuracy: Floats
    variance: Floats
    networks: Ints


def label_curve(grid: Grid, target: Floats, accuracy: Floats, test_size: Floats, seed: int) -> LabelCurve:
    r"""Simulate how well the observed target is ordered by its estimate from m other labelled examples.

    .. math:: \hat g = g + p - X / m, \quad X \sim \mathrm{Bin}(m, p)

    with g and p the true target and test accuracy, of which those of the ledger are estimates from n examples. Neither
    is known, so the true difference of each pair is drawn given the observed one: from the distribution of true
    differences along the hyperparameter that makes the observed ones most likely, normal noise assumed (the
    nonparametric maximum likelihood of Kiefer & Wolfowitz 1956, doi:10.1214/aoms/1177728066, by expectation
    maximisation). Taking the observed accuracies for true would give the estimate less noise than the target has, and
    too few equivalents to a score.

    The examples of each network are its own. Networks that share them are compared with less noise, and would need
    fewer. Each replicate of a configuration has m.

    Args:
        grid: the networks.
        target: g [n]: a gap or an error, in units of accuracy.
        accuracy: on the test examples [n].
        test_size: number of test examples [n].
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
    cap = int(np.clip(np.median(test_size), 1, NUMBERS[-1]))
    numbers = (*(m for m in NUMBERS if m < cap), cap)
    observed = _observe(grid, target, accuracy, test_size)
    psi = [_along(axis, observed, numbers, DRAWN // len(grid.axes), rng) for axis in grid.axes.values()]
    return LabelCurve(numbers, np.maximum.accumulate(np.mean(psi, axis=0)))


def _observe(grid: Grid, target: Floats, accuracy: Floats, test_size: Floats) -> _Observed:
    shrunk = (accuracy * test_size + 0.5) / (test_size + 1)  # so that an accuracy of 1 is not known exactly
    networks = np.ones(len(target), dtype=np.int64) if grid.kept else np.bincount(grid.configuration)
    variance = grid.average(shrunk * (1 - shrunk) / test_size) / networks
    return _Observed(grid.average(target), grid.average(accuracy), variance, networks)


def _along(axis: Axis, observed: _Observed, numbers: tuple[int, ...], count: int, rng: np.random.Generator) -> Floats:
    """Simulate psi of the estimates along one hyperparameter [numbers]."""
    difference = observed.target[axis.first] - observed.target[axis.second]
    error = np.sqrt(observed.variance[axis.first] + observed.variance[axis.second])
    z = difference / error
    chosen = rng.choice(len(z), size=count, p=axis.weight / axis.weight.sum())
    true = np.where(np.abs(z[chosen]) <= CERTAIN, draw_true(z, axis.weight, chosen, rng), z[chosen])
    excess = (z[chosen] - true) * error[chosen]  # of the observed difference over the true one
    ends = []
    for units, sign in ((axis.first[chosen], 1.0), (axis.second[chosen], -1.0)):
        share = observed.variance[units] / error[chosen] ** 2
        p = np.clip(observed.accuracy[units] + sign * share * excess, 0, 1)
        ends.append((observed.target[units] + observed.accuracy[units], p, observed.networks[units]))
    known, sign_observed = ends[0][0] - ends[1][0], np.sign(difference[chosen])
    psi = np.empty(len(numbers))
    for place, m in enumerate(numbers):
        drawn = [rng.binomial(m * networks, p) / (m * networks) for _, p, networks in ends]
        estimate = np.round(known - (drawn[0] - drawn[1]), 12)  # equal counts of equal networks tie
        psi[place] = (np.sign(estimate) * sign_observed).mean()
    return psi


def draw_true(z: Floats, weight: Floats, chosen: Ints, rng: np.random.Generator) -> Floats:
    """Draw the true differences of some pairs given the observed ones, in standard errors.

    Args:
        z: observed differences of all pairs [p]; those above `CERTAIN` do not count.
        weight: of each pair [p].
        chosen: index of the pair of each draw [count].
        rng: of the draws.
    """
    row = np.minimum(np.rint(np.abs(z) / BIN), round(CERTAIN / BIN)).astype(np.int64)
    uncertain = np.abs(z) <= CERTAIN
    seen: Floats = np.zeros(round(CERTAIN / BIN) + 1)
    np.add.at(seen, row[uncertain], weight[uncertain])
    likelihood = np.exp(-0.5 * (np.arange(len(seen))[:, None] * BIN - TRUE) ** 2)  # of |z| given a true difference
    cumulative = np.cumsum(likelihood * _most_likely(seen, likelihood), axis=1)
    level = rng.random(len(chosen)) * cumulative[row[chosen], -1]
    place = (cumulative[row[chosen]] <= level[:, None]).sum(axis=1)
    return np.asarray(TRUE[place] * np.where(z[chosen] < 0, -1.0, 1.0))


def _most_likely(seen: Floats, likelihood: NDArray[np.float64]) -> Floats:
    """Find the symmetric distribution over `TRUE` under which the observed differences are most likely.

    Symmetric because either end of a pair may come first.
    """
    prior = np.full(len(TRUE), 1 / len(TRUE))
    if seen.sum() == 0:
        return prior
    share = seen / seen.sum()
    both = likelihood + likelihood[:, ::-1]
    for _ in range(ITERATIONS):
        posterior = both * prior
        prior = share @ (posterior / posterior.sum(axis=1, keepdims=True))
    return np.asarray(prior)
