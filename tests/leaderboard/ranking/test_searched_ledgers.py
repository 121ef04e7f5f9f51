"""Test that the work of a ranking grows little faster than the number of searched configurations."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leaderboard import rank
from leaderboard.statistics import granulated
from leaderboard.statistics.pairs import BLOCK, PairCounter
from leaderboard.statistics.resampling import TauBDraws

MOST_GROWTH = 1.3  # exponent in the number of networks; that of all pairs is 2


def searched(n: int) -> pd.DataFrame:
    """Networks with random hyperparameters of which no two are equal, and one measure."""
    rng = np.random.default_rng(0)
    table = rng.random((n, 3))
    gap = 0.1 * table.sum(axis=1) + 0.03 * rng.normal(size=n)
    columns = {f"hp.h{axis}": values for axis, values in enumerate(table.T)}
    return pd.DataFrame(columns | {"gap": gap, "measure.m": gap + 0.1 * rng.normal(size=n)})


def pairs_compared(n: int) -> int:
    """Pairs of networks that a ranking compares: for Psi, in blocks before merging, and in resamples of tau-b."""
    compared = 0
    by_cell = vars(granulated)["_by_cell"]
    within_blocks, agreement = vars(PairCounter)["_within_blocks"], vars(TauBDraws)["_agreement"]

    def of_psi(cell: Any, first: Any, second: Any) -> Any:
        nonlocal compared
        compared += len(first)
        return by_cell(cell, first, second)

    def of_blocks(member: Any, later: Any) -> Any:
        nonlocal compared
        compared += len(later) * BLOCK
        return within_blocks(member, later)

    def of_resamples(self: Any, scores: Any, begin: int, end: int) -> Any:
        nonlocal compared
        compared += (end - begin) * (len(scores) - begin)  # one network a configuration
        return agreement(self, scores, begin, end)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(granulated, "_by_cell", of_psi)
        patch.setattr(PairCounter, "_within_blocks", staticmethod(of_blocks))
        patch.setattr(TauBDraws, "_agreement", of_resamples)
        rank(searched(n), bootstrap=10, permutations=0, within=None)
    return compared


def test_pairs_grow_little_faster_than_networks() -> None:
    """From 2,000 networks to 4,000, both too many for exact resamples of tau-b."""
    few, many = pairs_compared(2000), pairs_compared(4000)

    assert 0 < few < many
    assert np.log2(many / few) <= MOST_GROWTH
