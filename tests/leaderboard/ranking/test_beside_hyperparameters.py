"""Test the verdict beside all hyperparameters: its level where scores follow them at random, and its power.

The full simulation runs with `pytest tests/leaderboard/ranking/test_beside_hyperparameters.py --benchmark-only
--benchmark-json=FILE`; the file's `extra_info` holds the shares.
"""

from itertools import combinations, product
from typing import Final

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from leaderboard.statistics.crossfit import CrossFit
from leaderboard.statistics.permutation import LEVEL, p_value, step_down

Floats = NDArray[np.float64]

FACTORS: Final = 7
MEASURES: Final = 20
NOISE: Final = 0.3  # of gap and scores, whose parts that follow the hyperparameters have a standard deviation of 1


def factorial() -> pd.DataFrame:
    """Each of 2^7 settings of the hyperparameters once."""
    return pd.DataFrame(list(product((0, 1), repeat=FACTORS)), columns=[f"hp.{i}" for i in range(FACTORS)])


def follow(rng: np.random.Generator, *, interactions: bool) -> Floats:
    """Values [2^7] that follow the seven hyperparameters in a random direction, with or without their interactions."""
    codes = 2 * factorial().to_numpy(dtype=np.float64) - 1
    values = codes @ rng.normal(size=FACTORS)
    if interactions:
        values = values + sum(0.5 * rng.normal() * codes[:, i] * codes[:, j] for i, j in combinations(range(7), 2))
    return np.asarray(values / values.std(), dtype=np.float64)


def verdicts(rng: np.random.Generator, known: float, draws: int, *, interactions: bool) -> tuple[bool, float, float]:
    """Whether any measure has a verdict, the share that has one, and the share with p <= 5 % before the correction.

    Args:
        rng: of the ledger.
        known: how much of the gap's noise is in each score, in units of the score's noise.
        draws: number of permutations.
        interactions: whether gap and scores follow the interactions of hyperparameters.
    """
    hidden = rng.normal(size=2**FACTORS)
    gap = follow(rng, interactions=interactions) + NOISE * hidden
    fit = CrossFit(factorial(), gap, np.arange(len(gap)), 0)
    own = NOISE * rng.normal(size=(MEASURES, len(gap)))
    found = [fit.of(follow(rng, interactions=interactions) + noise + known * NOISE * hidden) for noise in own]
    source = np.argsort(rng.random((draws, len(gap))), axis=1)
    null = fit.null(np.stack([one.left for one in found], axis=1), source)
    rho, centre, spread = np.array([one.rho for one in found]), null.mean(axis=0), null.std(axis=0)
    corrected = step_down((rho - centre) / spread, (null - centre) / spread)
    alone = [p_value(value, column) <= LEVEL for value, column in zip(rho.tolist(), null.T, strict=True)]
    return bool((corrected <= LEVEL).any()), float((corrected <= LEVEL).mean()), float(np.mean(alone))


@pytest.mark.parametrize("interactions", [False, True])
def test_following_hyperparameters_is_no_verdict(*, interactions: bool) -> None:
    """Of 800 scores in 40 ledgers 5 % have a p-value of at most 5 %; those that know the gap are found."""
    rng = np.random.default_rng(0)
    alone = [verdicts(rng, 0.0, 60, interactions=interactions)[2] for _ in range(40)]
    found = [verdicts(rng, 1.0, 60, interactions=interactions)[1] for _ in range(3)]

    assert np.mean(alone) <= LEVEL + 3 * np.std(alone) / np.sqrt(len(alone)) + 0.01
    assert np.mean(alone) < 0.1
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("known", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("interactions", [False, True])
def test_level_and_power(benchmark: BenchmarkFixture, known: float, *, interactions: bool) -> None:
    """500 ledgers of 20 scores, 200 permutations; the table is in docs/statistics.md."""
    rng = np.random.default_rng(1)
    rows = benchmark.pedantic(
        lambda: [verdicts(rng, known, 200, interactions=interactions) for _ in range(500)], rounds=1
    )
    any_of_all, each, alone = np.mean(rows, axis=0)

    benchmark.extra_info |= {"any": any_of_all, "each": each, "uncorrected": alone}
    if known == 0:
        assert any_of_all <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / len(rows))
    if known == 1:
        assert each > 0.9
