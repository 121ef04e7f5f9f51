"""The bulk of a random matrix against random matrices."""

import math

import numpy as np
import pytest

from measures.passes.weights.marchenko_pastur import bulk_variance, edge, threshold
from tests.measures import by_hand


def spectra(draws: int, rows: int, columns: int) -> by_hand.Array:
    """Eigenvalues [draws, rows] of W W^T of matrices of standard normal entries."""
    matrices = np.random.default_rng(0).normal(size=(draws, rows, columns))
    return by_hand.eigenvalues(matrices)


def test_the_edge_of_large_matrices() -> None:
    """The largest eigenvalue comes to it within its own fluctuations, of the order M^(-2/3)."""
    largest = spectra(4, 100, 200)[:, 0]

    assert largest.mean() == pytest.approx(edge(100, 200, 1.0), rel=0.04)
    assert edge(100, 200, 9.0) == pytest.approx(9 * (math.sqrt(100) + math.sqrt(200)) ** 2, rel=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(10, 64), (30, 30)])
def test_one_in_a_hundred_exceeds_the_threshold(rows: int, columns: int) -> None:
    """Of 3000 matrices between 0.4 and 2 %: the law holds for large matrices, and nearly for small."""
    largest = spectra(3000, rows, columns)[:, 0]

    assert 0.004 < (largest > threshold(rows, columns, 1.0)).mean() < 0.02
    assert threshold(rows, columns, 4.0) == pytest.approx(4 * threshold(rows, columns, 1.0), rel=1e-12)
    assert threshold(columns, rows, 1.0) == threshold(rows, columns, 1.0)


def test_spikes_do_not_count_for_the_bulk() -> None:
    """The variance of the noise is found beneath three directions that are much larger."""
    noise = np.random.default_rng(0).normal(scale=0.5, size=(40, 90))
    directions = np.zeros_like(noise)
    directions[[0, 1, 2], [0, 1, 2]] = [50.0, 80.0, 100.0]

    def variance_of(matrix: by_hand.Array) -> float:
        return bulk_variance(by_hand.eigenvalues(matrix), 90)

    assert variance_of(noise) == pytest.approx((noise**2).mean(), rel=1e-9)
    assert variance_of(noise + directions) == pytest.approx(0.25, rel=0.1)


def test_a_single_row() -> None:
    """It is its own bulk."""
    assert bulk_variance(np.array([8.0]), 4) == 2
    assert threshold(1, 1, 1.0) > 1
