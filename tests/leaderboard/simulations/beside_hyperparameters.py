"""Gap and scores that follow the hyperparameters of a 2^7 factorial at random, tested beside all hyperparameters."""

from itertools import combinations, product
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.ranking.significance import Tests
from leaderboard.statistics.crossfit import CrossFit
from leaderboard.statistics.permutation import LEVEL, p_value

Floats = NDArray[np.float64]

FACTORS: Final = 7
MEASURES: Final = 20
PAIRS: Final = 2
TRIPLES: Final = 3
NOISE: Final = 0.3  # of gap and scores, whose parts that follow the hyperparameters have a standard deviation of 1


def factorial() -> pd.DataFrame:
    """Each of 2^7 settings of the hyperparameters once."""
    return pd.DataFrame(list(product((0, 1), repeat=FACTORS)), columns=[f"hp.{i}" for i in range(FACTORS)])


def follow(rng: np.random.Generator, order: int) -> Floats:
    """Values [2^7] that follow the seven hyperparameters in a random direction.

    Args:
        rng: of the direction.
        order: 1 for their main effects, 2 for the interactions of any two as well, 3 for those of any three, whose part
            has the standard deviation `NOISE`.
    """
    codes = 2 * factorial().to_numpy(dtype=np.float64) - 1
    values = codes @ rng.normal(size=FACTORS)
    if order >= PAIRS:
        values = values + sum(0.5 * rng.normal() * codes[:, i] * codes[:, j] for i, j in combinations(range(7), 2))
    values = values / values.std()
    if order >= TRIPLES:
        triples = sum(rng.normal() * codes[:, some].prod(axis=1) for some in map(list, combinations(range(7), 3)))
        values = values + NOISE * triples / np.std(triples)
    return np.asarray(values, dtype=np.float64)


def verdicts(rng: np.random.Generator, known: float, draws: int, order: int) -> tuple[bool, float, float]:
    """Whether any measure has a verdict, the share that has one, and the share with p <= 5 % before the correction.

    Args:
        rng: of the ledger.
        known: how much of the gap's noise is in each score, in units of the score's noise.
        draws: number of permutations.
        order: of the interactions of hyperparameters that gap and scores follow, see `follow`.
    """
    hidden = rng.normal(size=2**FACTORS)
    gap = follow(rng, order) + NOISE * hidden
    fit = CrossFit(factorial(), gap, np.arange(len(gap)), 0)
    own = NOISE * rng.normal(size=(MEASURES, len(gap)))
    found = [fit.of(follow(rng, order) + noise + known * NOISE * hidden) for noise in own]
    source = np.argsort(rng.random((draws, len(gap))), axis=1)
    null = fit.null(np.stack([one.left for one in found], axis=1), source)
    tests = Tests()
    for place, one in enumerate(found):
        tests.add(str(place), one.rho, null[:, place])
    corrected = np.array(list(tests.correct(list(tests.z)).values()))
    alone = [p_value(one.rho, column) <= LEVEL for one, column in zip(found, null.T, strict=True)]
    return bool((corrected <= LEVEL).any()), float((corrected <= LEVEL).mean()), float(np.mean(alone))
