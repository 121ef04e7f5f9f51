"""Influence of each configuration on Psi, and the standard error of Psi."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from leaderboard.statistics.granulated import Agreements, Grid
from leaderboard.statistics.pairs import Floats, Ints, joint
from leaderboard.statistics.undefined import UndefinedError

FEWEST: Final = 6  # configurations with a neighbour: of fewer, a spread is no estimate


@dataclass(frozen=True, slots=True)
class Influence:
    r"""Influences of configurations, and of pairs of them, on the Psi of M measures.

    With w the weight of a pair in Psi and e = s^mu s^g - psi_i its departure from the psi of its axis,

    .. math:: y_{cd} = \sum_{(a, b) \in c \times d} w_{ab} e_{ab}, \qquad h_c = \sum_d y_{cd}

    Attributes:
        of_configuration: h [c, M].
        of_pair: y [pairs of configurations, M].
        correction: c / (c - k), of c configurations and k axes.
    """

    of_configuration: Floats
    of_pair: Floats
    correction: float

    def variance(self) -> Floats:
        r"""Estimate the sampling variance of Psi [M].

        .. math:: V = \frac{c}{c - k}
                  \max\Big(\sum_c h_c^2 - \sum_{cd} y_{cd}^2, \; \tfrac{1}{2} \sum_c h_c^2\Big)

        Two pairs may depend on each other if they share a configuration. The first sum holds the products of all
        such pairs, and each pair with itself twice, once at either end; the second takes one of the two away. Where
        pairs that share a configuration are uncorrelated, it is half of the first sum, its least value here. The
        factor is that of c configurations from which k means, the psi_i, were taken (HC1).
        Source: the dyadic-robust variance of Fafchamps & Gubert 2007, doi:10.1016/j.jdeveco.2006.05.005.
        """
        whole = np.square(self.of_configuration).sum(axis=0)
        least = np.maximum(whole - np.square(self.of_pair).sum(axis=0), whole / 2)
        return np.asarray(self.correction * least, dtype=np.float64)

    def degrees(self) -> Floats:
        r"""Estimate the degrees of freedom [M] of the variance.

        .. math:: \nu = \frac{(\sum_c h_c^2)^2}{\sum_c h_c^4}

        Each h_c^2 is a mean square with one degree of freedom. If few configurations carry most of the sum, the
        variance is poorly known, and normal quantiles are too small. Source: Satterthwaite 1946, doi:10.2307/3002019.
        """
        square = np.square(self.of_configuration)
        fourth = np.square(square).sum(axis=0)
        some = fourth > 0
        return np.asarray(np.divide(square.sum(axis=0) ** 2, fourth, out=np.ones_like(fourth), where=some))

    def draws(self, counts: Floats) -> Floats:
        r"""Compute the departures of Psi from its value in resamples of configurations [count, M].

        .. math:: \sqrt{V / \textstyle\sum_c h_c^2} \; \sum_c (v_c - 1) \, h_c

        linear in the number of times v_c that a configuration is drawn, and scaled to the variance V: resampling the
        pairs themselves would count the noise of each pair at both of its ends.

        Args:
            counts: v [count, c].
        """
        whole = np.square(self.of_configuration).sum(axis=0)
        ratio = np.sqrt(np.divide(self.variance(), whole, out=np.ones_like(whole), where=whole > 0))
        return np.asarray(((counts - 1) @ self.of_configuration) * ratio, dtype=np.float64)

    def beside(self, other: "Influence") -> "Influence":
        """Influence on the differences between M measures and one other [c, 1] on the same networks."""
        return Influence(self.of_configuration - other.of_configuration, self.of_pair - other.of_pair, self.correction)

    def turn(self, sign: Floats) -> "Influence":
        """Influence of the measures times a sign [M] each."""
        return Influence(self.of_configuration * sign, self.of_pair * sign, self.correction)

    def select(self, places: Ints) -> "Influence":
        """Select some of the measures."""
        return Influence(self.of_configuration[:, places], self.of_pair[:, places], self.correction)


class Layout:
    """Pairs of a grid as pairs of configurations, computed once for any number of measures.

    Attributes:
        comparisons: number of disjoint comparisons, half the number of configurations that have a neighbour.

    Raises:
        UndefinedError: fewer than `FEWEST` configurations have a neighbour.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        of_unit = grid.of_unit
        ends = [np.sort(of_unit[[axis.first, axis.second]], axis=0) for axis in grid.axes.values()]
        low, high = np.concatenate(ends, axis=1) if ends else np.zeros((2, 0), dtype=np.int64)
        joined = len(np.unique(np.concatenate([low, high])))
        if joined < FEWEST:
            raise UndefinedError(
                f"It needs at least {FEWEST} configurations that have a neighbour; there are {joined}."
            )
        self.comparisons = joined // 2
        self._correction = joined / max(1, joined - len(grid.axes))
        pair = joint([low, high], len(low))
        count = int(pair.max()) + 1
        weight = np.concatenate([axis.weight for axis in grid.axes.values()]) / len(grid.axes)
        self._to_pair = csr_array((weight, (pair, np.arange(len(pair)))), shape=(count, len(pair)))
        one_of_each = np.unique(pair, return_index=True)[1]
        ends_of_pair = np.concatenate([low[one_of_each], high[one_of_each]])
        self._to_configuration = csr_array(
            (np.ones(2 * count), (ends_of_pair, np.tile(np.arange(count), 2))), shape=(grid.size, count)
        )

    def influence(self, agreements: Mapping[str, Agreements]) -> Influence:
        """Compute the influences of M measures from the agreements [p, M] along each axis."""
        departures = [agreements[name] - axis.mean(agreements[name]) for name, axis in self.grid.axes.items()]
        of_pair = self._to_pair @ np.concatenate(departures)
        return Influence(np.asarray(self._to_configuration @ of_pair), np.asarray(of_pair), self._correction)
