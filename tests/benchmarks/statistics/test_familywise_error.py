"""The share of ledgers with any wrong verdict in a family of measures.

Run with `pytest tests/benchmarks/statistics/test_familywise_error.py --benchmark-only -s`; docs/statistics.md has its
figures.
"""

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from leaderboard.ranking import pairwise
from leaderboard.statistics.permutation import LEVEL
from tests.leaderboard.simulations.families import ledger, wrong


@pytest.mark.parametrize("measures", [5, 20])
def test_the_error_rate_of_the_families(benchmark: BenchmarkFixture, measures: int) -> None:
    """1,000 ledgers of 54 networks, 200 draws."""
    rng = np.random.default_rng(1)
    rows = benchmark.pedantic(lambda: [wrong(ledger(rng, measures), 200, seed) for seed in range(1000)], rounds=1)
    share = pd.DataFrame(rows).mean()

    print(f"\nfamilies of {measures}: " + ", ".join(f"{kind} {value:.1%}" for kind, value in share.items()))
    benchmark.extra_info |= share.to_dict()
    assert (share <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / len(rows))).all()


def test_normal_quantiles_err_too_often(benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 ledgers of 20 measures of equal merit, whose differences are tested as if their degrees were infinite."""
    monkeypatch.setattr(pairwise, "normal_score", lambda t, _: t)
    rng = np.random.default_rng(1)
    rows = benchmark.pedantic(lambda: [wrong(ledger(rng, 20), 200, seed)["equals"] for seed in range(500)], rounds=1)

    print(f"\nequals, tested by normal quantiles: {np.mean(rows):.1%}")
    benchmark.extra_info["equals"] = float(np.mean(rows))
    assert np.mean(rows) > 2 * LEVEL
