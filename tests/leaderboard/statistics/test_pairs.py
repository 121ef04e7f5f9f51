"""Pairs counted by sorting, against the loop over pairs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from leaderboard.statistics import pairs
from leaderboard.statistics.pairs import PairCounter, joint

Table = NDArray[np.float64]


def naive(scores: list[float], target: list[float], code: list[int]) -> Table:
    """Outcomes [cells, 3, 3] of the ordered pairs a != b, the cell being the values of a and b."""
    width = max(code) + 1
    table = np.zeros((width, width, 3, 3))
    for a in range(len(code)):
        for b in range(len(code)):
            if a != b:
                order = [(x[a] > x[b]) - (x[a] < x[b]) + 1 for x in (scores, target)]
                table[code[a], code[b], order[0], order[1]] += 1
    return table.reshape(-1, 3, 3)


def ledger(seed: int, n: int, ties: int) -> tuple[Table, Table, dict[str, NDArray[np.int64]]]:
    """Random networks; few values, so that scores, targets and both tie; levels with holes and replicates."""
    rng = np.random.default_rng(seed)
    levels = {name: rng.integers(0, rng.integers(1, 5), n) for name in "abc"[: seed % 4]}
    return rng.integers(0, ties, n) / 7, rng.integers(0, ties, n) / 16, levels


def assert_counted(scores: Table, target: Table, levels: dict[str, NDArray[np.int64]]) -> None:
    """Every cell of every set of at most two hyperparameters."""
    cells = PairCounter(target, levels).count(scores)
    sets = [some for size in range(3) for some in combinations(levels, size)]
    expected = [
        naive(scores.tolist(), target.tolist(), joint([levels[name] for name in some], len(target)).tolist())
        for some in sets
    ]

    assert cells.given == tuple(sets)
    assert cells.starts.tolist() == np.cumsum([0, *map(len, expected)])[:-1].tolist()
    np.testing.assert_array_equal(cells.outcomes(), np.concatenate(expected))


@given(st.integers(0, 10_000), st.integers(1, 40), st.sampled_from([1, 2, 5, 1000]))
def test_every_outcome_of_every_cell(seed: int, n: int, ties: int) -> None:
    """With ties in score, target and both, holes and replicates; exactly, since they are whole numbers."""
    assert_counted(*ledger(seed, n, ties))


@pytest.mark.parametrize("n", [63, 64, 65, 129, 200, 257])
@pytest.mark.parametrize("ties", [9, 10_000])
def test_blocks_and_merges(n: int, ties: int) -> None:
    """Below, at and beyond the size of a block, and where the last stretch to merge is not a whole one."""
    assert_counted(*ledger(n, n, ties))


def test_a_set_of_too_many_values_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the product of networks and values; the others are counted as before."""
    scores, target, levels = ledger(3, 60, 9)
    levels["a"] = np.arange(60)
    monkeypatch.setattr(pairs, "MOST_WORK", 60 * 30)
    counter = PairCounter(target, levels)

    assert counter.left_out == [("a",), ("a", "b"), ("a", "c")]
    assert counter.count(scores).given == ((), ("b",), ("c",), ("b", "c"))


def test_joint_codes_are_the_distinct_rows() -> None:
    """Numbered without gaps, equal where all codes are."""
    first, second = np.array([4, 0, 4, 0, 4]), np.array([1, 1, 2, 1, 1])
    code = joint([first, second], 5)

    assert sorted(set(code.tolist())) == [0, 1, 2]
    assert code[0] == code[4] != code[2]
    assert code[1] == code[3]
    assert joint([], 3).tolist() == [0, 0, 0]
