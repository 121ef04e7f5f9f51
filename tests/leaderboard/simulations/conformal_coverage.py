"""Coverage of the conformal intervals in ledgers with replicates."""

import numpy as np
from numpy.typing import NDArray

from leaderboard.statistics.conformal import Conformal


def coverage(
    configurations: int, replicates: int, ledgers: int, *, counted: str = "configurations"
) -> NDArray[np.float64]:
    """Coverage in each ledger; replicates share a score and a part of the target that the score does not explain.

    Args:
        configurations: in a ledger.
        replicates: of each configuration.
        ledgers: to simulate.
        counted: "networks" calibrates as if replicates were independent.
    """
    rng = np.random.default_rng(0)
    configuration = np.repeat(np.arange(configurations), replicates)
    n = len(configuration)
    found = []
    for seed in range(ledgers):
        scores = rng.normal(size=configurations)[configuration]
        apart = rng.normal(size=configurations)[configuration] if replicates > 1 else 0.0
        target = np.sin(2 * scores) + 5 * apart + rng.standard_t(3, n) * (1 + scores > 0)
        fit = Conformal(target, configuration, seed)
        if counted == "networks":
            fit._share = np.ones(n)
        found.append(fit.of(scores).coverage)
    return np.array(found)
