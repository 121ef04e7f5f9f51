"""Count pairs of networks by the order of their scores and targets, within cells, by sorting."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Levels = Mapping[str, Ints]  # name of a hyperparameter -> the code [n] of its value in each network
Given = tuple[str, ...]  # a set of hyperparameters

MOST_NETWORKS: Final = 65_535  # counts of networks are stored in 16 bits, which halves the memory traffic
MOST_WORK: Final = (
    4_000_000  # networks x values of a set; sets with more have too few pairs in a cell to be informative
)
BLOCK: Final = 64  # networks compared one by one; larger ranges are merged


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts in the cells of sets of hyperparameters; a cell is a pair of values (of network a, of network b).

    Attributes:
        above: pairs with mu_a > mu_b and g_a > g_b, [cells].
        above_tied: pairs with mu_a > mu_b and g_a = g_b.
        above_mu: pairs with mu_a > mu_b.
        above_g: pairs with g_a > g_b.
        all: pairs, including those of a network with itself.
        selves: pairs of a network with itself.
        mirror: index of the cell in which a and b are exchanged.
        starts: index of the first cell of each set.
        given: the sets.
    """

    above: Floats
    above_tied: Floats
    above_mu: Floats
    above_g: Floats
    all: Floats
    selves: Floats
    mirror: Ints
    starts: Ints
    given: tuple[Given, ...]

    def of_set(self, values: Floats) -> Floats:
        """Sum over the cells of each set: [cells] to [sets]."""
        return np.asarray(np.add.reduceat(values, self.starts), dtype=np.float64)

    def outcomes(self) -> Floats:
        """Count how often mu_a is below, equal to or above mu_b (rows), and g_a to g_b (columns), [cells, 3, 3].

        Over ordered pairs a != b. Counts that are not stored follow: below is above with a and b exchanged, and the
        nine outcomes of a cell sum to its pairs.
        """
        there = self.mirror
        table = np.zeros((len(self.all), 3, 3))
        table[:, 2, 2] = self.above
        table[:, 2, 1] = self.above_tied
        table[:, 2, 0] = self.above_mu - self.above - self.above_tied
        table[:, 0, :] = table[there, 2, ::-1]
        table[:, 1, 2] = self.above_g - table[:, 2, 2] - table[:, 0, 2]
        table[:, 1, 0] = table[there, 1, 2]
        table[:, 1, 1] = self.all - self.selves - table.sum(axis=(1, 2))
        return table


class PairCounter:
    """Counts the pairs of a set of networks within the cells of every set of at most two hyperparameters.

    For each network, the others that it exceeds in score and target are counted by value of each set, by merging sorted
    halves, in O(n log n) steps for each value instead of O(n^2). Sets with too many values for the number of networks
    are left out; see `left_out`.

    Args:
        target: g [n], finite.
        levels: the code [n] of each hyperparameter.

    Attributes:
        left_out: the sets that are not counted.
    """

    def __init__(self, target: Floats, levels: Levels) -> None:
        n = len(target)
        self._target = _places(target)
        sets: list[tuple[Given, Ints]] = []
        self.left_out: list[Given] = []
        for given in (some for size in range(3) for some in combinations(levels, size)):
            code = joint([levels[name] for name in given], n)
            if n * (int(code.max(initial=0)) + 1) > MOST_WORK:
                self.left_out.append(given)
            else:
                sets.append((given, code))
        self.given = tuple(given for given, _ in sets)
        widths = [int(code.max(initial=0)) + 1 for _, code in sets]
        self._columns = [
            slice(int(end) - width, int(end)) for width, end in zip(widths, np.cumsum(widths), strict=True)
        ]
        self._member = np.zeros((n, sum(widths)), dtype=np.uint16)  # [n, values of all sets]
        for columns, (_, code) in zip(self._columns, sets, strict=True):
            self._member[np.arange(n), columns.start + code] = 1
        self._weight = self._member.astype(np.float64)
        sizes = self._weight.sum(axis=0)
        self._all = np.concatenate([np.outer(sizes[c], sizes[c]).ravel() for c in self._columns])
        self._selves = np.concatenate([np.diag(sizes[c]).ravel() for c in self._columns])
        areas = np.array(widths) ** 2
        self._starts = (np.cumsum(areas) - areas).astype(np.int64)
        self._mirror = np.concatenate(
            [start + np.arange(w * w).reshape(w, w).T.ravel() for start, w in zip(self._starts, widths, strict=True)]
        )
        self._above_g = self._summed(self._below(self._target))
        self._ties = n > 0 and int(self._target.max()) + 1 < n

    def count(self, scores: Floats) -> Cells:
        """Count the pairs of one measure's scores [n], finite."""
        places = _places(scores)
        above = self._summed(self._below_in_both(places))
        tied = self._summed(self._tied_below(places)) if self._ties else np.zeros_like(above)
        return Cells(
            above=above,
            above_tied=tied,
            above_mu=self._summed(self._below(places)),
            above_g=self._above_g,
            all=self._all,
            selves=self._selves,
            mirror=self._mirror,
            starts=self._starts,
            given=self.given,
        )

    def agreement_below(self, scores: Floats) -> Floats:
        """For each network, count those of a smaller score with a smaller target less those with a larger one.

        By value of each set, [n, values]; the first column is of all networks.
        """
        places = _places(scores)
        found = 2.0 * self._below_in_both(places) - self._below(places)
        return np.asarray(found + self._tied_below(places) if self._ties else found, dtype=np.float64)

    def _summed(self, below: NDArray[np.generic]) -> Floats:
        """Sum the networks below each network by value [n, values] over networks of each value: [cells]."""
        found = [self._weight[:, c].T @ below[:, c].astype(np.float64) for c in self._columns]
        return np.concatenate([table.ravel() for table in found])

    def _cumulative(self, order: Ints) -> NDArray[np.uint16]:
        """Networks of each value among the first i of an order: [n + 1, values]."""
        total = np.zeros((len(order) + 1, self._member.shape[1]), dtype=np.uint16)
        np.cumsum(self._member[order], axis=0, dtype=np.uint16, out=total[1:])
        return total

    def _below(self, values: Ints) -> NDArray[np.uint16]:
        """For each network, those of a smaller value: [n, values]."""
        order = np.argsort(values, kind="stable")
        below = np.searchsorted(values[order], values)
        return np.asarray(self._cumulative(order)[below])

    def _tied_below(self, scores: Ints) -> NDArray[np.uint16]:
        """For each network, those of the same target and a smaller score: [n, values]."""
        order = np.lexsort((scores, self._target))
        new_target = np.diff(self._target[order], prepend=-1) != 0
        new_score = new_target | (np.diff(scores[order], prepend=-1) != 0)
        place = np.arange(len(order))
        group = np.maximum.accumulate(np.where(new_target, place, 0))
        run = np.maximum.accumulate(np.where(new_score, place, 0))
        total = self._cumulative(order)
        found = np.empty_like(self._member)
        found[order] = total[run] - total[group]
        return found

    def _below_in_both(self, scores: Ints) -> NDArray[np.float32]:
        """Count for each network those with a smaller score and a smaller target: [n, values].

        With networks ordered by score, equal ones by falling target, and by target, equal ones by falling place in the
        first order, "smaller in both" is "earlier in both".
        """
        n = len(scores)
        by_score = np.lexsort((-self._target, scores))
        member, target = self._member[by_score], self._target[by_score]
        later = np.empty(n, dtype=np.int64)  # place in the order by target
        later[np.lexsort((-np.arange(n), target))] = np.arange(n)
        found = self._within_blocks(member, later)
        place, half = np.arange(n), BLOCK
        while half < n:
            block = place // (2 * half)
            order = np.argsort(block * n + later)
            is_left = (place[order] // half) % 2 == 0
            left, right = order[is_left], order[~is_left]
            total = np.zeros((len(left) + 1, member.shape[1]), dtype=np.uint16)
            np.cumsum(member[left], axis=0, dtype=np.uint16, out=total[1:])
            found[right] += total[np.cumsum(is_left)[~is_left]] - total[block[right] * half]
            half *= 2
        answer = np.empty_like(found)
        answer[by_score] = found
        return answer

    @staticmethod
    def _within_blocks(member: NDArray[np.uint16], later: Ints) -> NDArray[np.float32]:
        """Count the same within blocks of the order by score, by matrix products."""
        n, blocks = len(later), -(-len(later) // BLOCK)
        padded = np.zeros((blocks * BLOCK, member.shape[1]), dtype=np.float32)
        padded[:n] = member
        place = np.full(blocks * BLOCK, n)
        place[:n] = later
        rows = place.reshape(blocks, BLOCK)
        earlier = np.tril((rows[:, :, None] > rows[:, None, :]).astype(np.float32), -1)
        return np.asarray((earlier @ padded.reshape(blocks, BLOCK, -1)).reshape(len(padded), -1)[:n])


def joint(codes: Iterable[Ints], n: int) -> Ints:
    """Combine several codes into one code [n] for each distinct combination, from 0."""
    combined = np.zeros(n, dtype=np.int64)
    for code in codes:
        combined = np.unique(combined * (int(code.max(initial=0)) + 1) + code, return_inverse=True)[1].astype(np.int64)
    return combined


def _places(values: Floats) -> Ints:
    """Rank the values [n] densely from 0: only their order counts, and nothing overflows."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
