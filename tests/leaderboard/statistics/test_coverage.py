"""Test that intervals cover the figure of a population, in ledgers with configurations redrawn from it."""

import numpy as np
import pytest

from tests.leaderboard.simulations.interval_coverage import NEARLY_NONE, held, held_by_the_gate, searched, whole_grid


def test_coverage() -> None:
    """Of 80 searched ledgers the intervals hold the truth in 95 %, up to two points and three errors of the count."""
    error = 3 * np.sqrt(0.95 * 0.05 / 80)
    for truth, share in held(searched(40), 0.5, 1, ledgers=80, redrawn=120, resamples=200).values():
        assert 0.2 < truth < 0.8
        assert share == pytest.approx(0.95, abs=0.02 + error)


def test_coverage_near_the_ends() -> None:
    """On 2^5 networks, Psi and tau-b of nearly 1 and an AUC of 0.996, whose resamples are mostly all equal."""
    found = held(whole_grid(2, 2, 2, 2, 2), 0.0, 1, ledgers=80, redrawn=120, resamples=200, noises=NEARLY_NONE[:2])
    for truth, share in found.values():
        assert truth > 0.94
        assert share >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 80)
    assert held_by_the_gate(0.996, 32, ledgers=80, resamples=100) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 80)
