"""Coverage of the 95 % intervals of the statistics that hold the hyperparameters fixed, in 1,000 ledgers each.

Run with `pytest tests/benchmarks/statistics/test_given_hyperparameters.py --benchmark-only -s`; docs/statistics.md has
its figures.
"""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.leaderboard.simulations.given_hyperparameters import held
from tests.leaderboard.simulations.interval_coverage import Design, searched, whole_grid

LEDGERS = 1000
RESAMPLES = 500


@pytest.mark.parametrize(
    ("design", "replicates"),
    [(whole_grid(*(2,) * 5), 1), (whole_grid(*(2,) * 7), 1), (whole_grid(3, 4, 3), 2), (searched(100), 1)],
    ids=["2^5", "2^7", "3 x 4 x 3, 2 seeds", "100 searched"],
)
def test_coverage_given_the_hyperparameters(benchmark: BenchmarkFixture, design: Design, replicates: int) -> None:
    """The truth is the mean of 1,000 other ledgers."""
    found = benchmark.pedantic(held, args=(design, replicates, LEDGERS, LEDGERS, RESAMPLES), rounds=1)

    for (figure, known), (truth, share) in found.items():
        print(f"\n{benchmark.name}: {figure}, knows {known}: truth {truth:.3f}, covered {share:.1%}", end="")
    benchmark.extra_info |= {f"{figure}, knows {known}": found[figure, known] for figure, known in found}
    assert all(share > 0.8 for _, share in found.values())
