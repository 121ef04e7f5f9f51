"""Conformal prediction intervals for the target of a new network from one score, and their coverage."""

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.spearman import share_below
from leaderboard.statistics.undefined import UndefinedError, require_contrast

NOMINAL: Final = 0.9
SPLITS: Final = 20
FIT: Final = 0.4  # share of the configurations that fit
CALIBRATE: Final = 0.4  # and that calibrate; the rest are the new networks
DEGREE: Final = 3


@dataclass(frozen=True, slots=True)
class Prediction:
    """Width and coverage of the prediction intervals from one score.

    Attributes:
        half_width: of the intervals, mean over splits, in units of the target.
        half_width_without: the same with the mean target as prediction.
        coverage: share of new networks whose target lies in their interval.
    """

    half_width: float
    half_width_without: float
    coverage: float


class Conformal:
    r"""Random splits of the configurations into fitting, calibrating and new ones.

    Split conformal prediction: f is the least-squares polynomial of degree `DEGREE` in the share of fitting networks
    with a smaller score (ties count half); the interval of a new network is

    .. math:: f(\mu) \pm q, \quad q = \text{the } \lceil 0.9 \, (k + 1) \rceil\text{-th smallest of } |g_i - f(\mu_i)|

    over the k calibrating networks. It contains the target of a network drawn like those of the ledger in at least 9
    and at most 9 + 10 / (k + 1) of 10 cases, whatever f (without ties). Replicates stay together.
    Source: Lei et al. 2018, arXiv:1604.04173, algorithm 2.

    Args:
        target: g [n], finite.
        configuration: of each network [n].
        seed: of the splits.

    Raises:
        UndefinedError: a constant target, or too few networks to calibrate.
    """

    def __init__(self, target: Floats, configuration: Ints, seed: int) -> None:
        require_contrast(target)
        self.target = target
        rng = np.random.default_rng([seed, 0xC0F0])
        count = int(configuration.max()) + 1
        ends = round(FIT * count), round((FIT + CALIBRATE) * count)
        self._splits: list[tuple[Ints, Ints, Ints]] = []
        without = []
        for _ in range(SPLITS):
            place = rng.permutation(count)[configuration]
            fit, calibrate, new = (np.flatnonzero(np.digitize(place, ends) == part) for part in range(3))
            if len(calibrate) < ceil(NOMINAL / (1 - NOMINAL) - 1e-9) or len(fit) <= DEGREE + 1 or len(new) == 0:
                raise UndefinedError(
                    f"Nine in ten needs at least 9 networks to calibrate and {DEGREE + 2} to fit; "
                    f"a split of {len(target)} has {len(calibrate)} and {len(fit)}."
                )
            self._splits.append((fit, calibrate, new))
            without.append(quantile(np.abs(target[calibrate] - target[fit].mean())))
        self.half_width_without = float(np.mean(without))

    def of(self, scores: Floats) -> Prediction:
        """Compute the intervals from one measure's scores [n], finite."""
        widths, held, met = [], 0, 0
        places = np.stack([share_below(scores[fit], scores) for fit, _, _ in self._splits])
        bases = np.polynomial.legendre.legvander(2 * places - 1, DEGREE)
        for basis, (fit, calibrate, new) in zip(bases, self._splits, strict=True):
            coefficients = np.linalg.lstsq(basis[fit], self.target[fit], rcond=None)[0]
            error = np.abs(self.target - basis @ coefficients)
            width = quantile(error[calibrate])
            widths.append(width)
            held += int(np.count_nonzero(error[new] <= width))
            met += len(new)
        return Prediction(float(np.mean(widths)), self.half_width_without, held / met)


def quantile(errors: Floats) -> float:
    """Find the ceil(0.9 (k + 1))-th smallest of k errors."""
    place = ceil(NOMINAL * (len(errors) + 1) - 1e-9)
    return float(np.partition(errors, place - 1)[place - 1])
