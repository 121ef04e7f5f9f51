"""Coverage of the conformal intervals, and what it would be if networks were counted in place of configurations.

Run with `pytest tests/benchmarks/statistics/test_conformal.py --benchmark-only -s`; docs/statistics.md has its figures.
"""

from typing import Final

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.leaderboard.simulations.conformal_coverage import coverage

DESIGNS: Final = ((60, 1), (30, 2), (30, 5), (100, 3))  # configurations and replicates


@pytest.mark.parametrize(("configurations", "replicates"), DESIGNS)
def test_coverage_in_2000_ledgers(benchmark: BenchmarkFixture, configurations: int, replicates: int) -> None:
    """At least the stated 90 % if configurations are counted; with five replicates, less if networks are."""
    held = benchmark.pedantic(coverage, args=(configurations, replicates, 2000), rounds=1)
    of_networks = coverage(configurations, replicates, 2000, counted="networks")

    error = np.std(held) / np.sqrt(len(held))
    print(
        f"\n{configurations} configurations x {replicates}: coverage {np.mean(held):.1%} +- {error:.2%}, "
        f"{np.mean(of_networks):.1%} if networks were counted"
    )
    benchmark.extra_info |= {"coverage": float(np.mean(held)), "networks": float(np.mean(of_networks))}
    assert np.mean(held) >= 0.9 - 3 * error
    assert replicates == 1 or np.mean(of_networks) < np.mean(held)
