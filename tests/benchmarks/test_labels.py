"""Label equivalents of estimates from a known number of labels, with the noise of the target and without it.

Run with `pytest tests/benchmarks/test_labels.py --benchmark-only -s`; docs/statistics.md has its figures.
"""

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from leaderboard.statistics.granulated import Grid, granulated, grid_of
from leaderboard.statistics.labels import label_curve

SIMULATED = 60  # ledgers
LABELS = (20, 50, 200, 1000)
EXACT = 1e12  # test examples of a target without noise


def accuracies(shape: tuple[int, ...], seed: int) -> tuple[Grid, NDArray[np.float64]]:
    """A full grid whose first hyperparameters move the accuracy, beside what only it has."""
    levels = {str(axis): code.ravel() for axis, code in enumerate(np.indices(shape))}
    rng = np.random.default_rng(seed)
    effects = sum(0.02 / (axis + 1) * code for axis, code in enumerate(levels.values()))
    p = np.clip(0.8 + effects + 0.02 * rng.normal(size=int(np.prod(shape))), 0.02, 0.995)
    return grid_of(levels, len(p)), p


@pytest.mark.parametrize(("shape", "test_size"), [((2,) * 7, 500), ((4, 4, 4, 2), 700), ((6, 6, 6), 2000)])
def test_labels_are_found_again(benchmark: BenchmarkFixture, shape: tuple[int, ...], test_size: int) -> None:
    """The median over ledgers, within 15 % of the labels below the cap; the old way takes the target for the truth."""
    found: dict[str, dict[int, list[float]]] = {way: {m: [] for m in LABELS} for way in ("drawn", "taken for true")}
    censored: dict[int, list[bool]] = {m: [] for m in LABELS}
    for seed in range(SIMULATED):
        grid, p = accuracies(shape, seed)
        rng = np.random.default_rng([seed, 1])
        accuracy = rng.binomial(test_size, p) / test_size
        curves = {
            way: label_curve(grid, 1 - accuracy, accuracy, np.full(len(p), size), seed)
            for way, size in (("drawn", float(test_size)), ("taken for true", EXACT))
        }
        for m in LABELS:
            psi = granulated(grid, -rng.binomial(m, p) / m, -accuracy)[0]
            for way, curve in curves.items():
                found[way][m].append(curve.equivalent(psi)[0])
            censored[m].append(curves["drawn"].equivalent(psi)[1])
    benchmark.pedantic(label_curve, args=(grid, 1 - accuracy, accuracy, np.full(len(p), float(test_size)), 0), rounds=3)

    print(
        f"\n{shape}, {test_size} test examples: labels, median equivalents with a drawn truth, taken for true, censored"
    )
    for m in LABELS:
        medians = [float(np.median(found[way][m])) for way in found]
        print(f"{m:5} {medians[0]:7.0f} {medians[1]:7.0f} {np.mean(censored[m]):6.0%}")
        if 50 <= m <= test_size / 2:
            assert medians[0] == pytest.approx(m, rel=0.15)
            assert medians[1] < medians[0]
