"""Conformal prediction intervals for the target of a new network from one score, and their coverage."""

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.spearman import share_below
from leaderboard.statistics.undefined import UndefinedError, require_contrast

ROUNDING: Final = 1e-9  # of a sum of shares
NOMINAL: Final = 0.9
SPLITS: Final = 20
FIT: Final = 0.4  # share of the configurations that fit
CALIBRATE: Final = 0.4  # and that calibrate; the rest are the new networks
DEGREE: Final = 3
FEWEST: Final = ceil(NOMINAL / (1 - NOMINAL) - ROUNDING)  # calibrating configurations: of fewer, 0.9 (k + 1) exceeds k


@dataclass(frozen=True, slots=True)
class Prediction:
    """Width and coverage of the prediction intervals from one score.

    Attributes:
        half_width: of the intervals, mean over splits, in units of the target.
        half_width_without: the same with the mean target as prediction.
        coverage: share of the networks of new configurations whose target lies in their interval; configurations weigh
            the same.
    """

    half_width: float
    half_width_without: float
    coverage: float


class Conformal:
    r"""Random splits of the configurations into fitting, calibrating and new ones.

    Split conformal prediction: f is the least-squares polynomial of degree `DEGREE` in the share of fitting networks
    with a smaller score (ties count half); the interval of a network of a new configuration is

    .. math:: f(\mu) \pm q, \quad q = \min \Big\{ t : \sum_{c=1}^{k} \frac{1}{n_c} \sum_{i \in c}
              1[|g_i - f(\mu_i)| \le t] \ge 0.9 \, (k + 1) \Big\}

    over the k calibrating configurations of n_c networks each. Replicates of one configuration depend on each other, so
    that it is configurations that are exchangeable and counted; without replicates q is the ceil(0.9 (k + 1))-th
    smallest error. The interval contains the target of a network of a configuration drawn like those of the ledger in
    at least 9 of 10 cases, whatever f, and without replicates and ties in at most 9 + 10 / (k + 1).
    Source: Lei et al. 2018, arXiv:1604.04173, algorithm 2; with replicates Lee, Barber & Willett 2023,
    arXiv:2306.06342.

    Args:
        target: g [n], finite.
        configuration: of each network [n].
        seed: of the splits.

    Raises:
        UndefinedError: a constant target, or too few configurations to calibrate.
    """

    def __init__(self, target: Floats, configuration: Ints, seed: int) -> None:
        require_contrast(target)
        self.target = target
        rng = np.random.default_rng([seed, 0xC0F0])
        count = int(configuration.max()) + 1
        ends = round(FIT * count), round((FIT + CALIBRATE) * count)
        fitting, calibrating = ends[0], ends[1] - ends[0]
        if calibrating < FEWEST or fitting <= DEGREE + 1 or ends[1] == count:
            raise UndefinedError(
                f"Nine in ten needs at least {FEWEST} configurations to calibrate and {DEGREE + 2} to fit; "
                f"a split of {count} has {calibrating} and {fitting}."
            )
        self._share = 1 / np.bincount(configuration)[configuration]  # of a network in its configuration
        self._splits: list[tuple[Ints, Ints, Ints]] = []
        without = []
        for _ in range(SPLITS):
            place = rng.permutation(count)[configuration]
            fit, calibrate, new = (np.flatnonzero(np.digitize(place, ends) == part) for part in range(3))
            self._splits.append((fit, calibrate, new))
            without.append(quantile(np.abs(target[calibrate] - target[fit].mean()), self._share[calibrate]))
        self.half_width_without = float(np.mean(without))

    def of(self, scores: Floats) -> Prediction:
        """Compute the intervals from one measure's scores [n], finite."""
        widths, held, met = [], 0.0, 0.0
        places = np.stack([share_below(scores[fit], scores) for fit, _, _ in self._splits])
        bases = np.polynomial.legendre.legvander(2 * places - 1, DEGREE)
        for basis, (fit, calibrate, new) in zip(bases, self._splits, strict=True):
            coefficients = np.linalg.lstsq(basis[fit], self.target[fit], rcond=None)[0]
            error = np.abs(self.target - basis @ coefficients)
            width = quantile(error[calibrate], self._share[calibrate])
            widths.append(width)
            held += float(self._share[new] @ (error[new] <= width))
            met += float(self._share[new].sum())
        return Prediction(float(np.mean(widths)), self.half_width_without, held / met)


def quantile(errors: Floats, shares: Floats) -> float:
    """Find the smallest error up to which the networks of k configurations make up 0.9 (k + 1) of them.

    Args:
        errors: of networks [n].
        shares: of each network in its configuration [n]; they sum to k.
    """
    order = np.argsort(errors, kind="stable")
    covered = np.cumsum(shares[order])
    place = int(np.searchsorted(covered, NOMINAL * (covered[-1] + 1) - ROUNDING))
    return float(errors[order[min(place, len(errors) - 1)]])
