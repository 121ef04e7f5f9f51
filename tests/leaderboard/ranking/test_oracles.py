"""Psi of the noisy oracles is a mean over draws."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from leaderboard.ranking.rank import rank


def ledger() -> pd.DataFrame:
    """A full factorial of five hyperparameters with gaps that noise of 0.05 reorders."""
    rows = [dict(zip([f"hp.{name}" for name in "abcde"], levels, strict=True)) for levels in product((0, 1), repeat=5)]
    table = pd.DataFrame(rows)
    rng = np.random.default_rng(3)
    return table.assign(**{"gap": 0.2 + 0.05 * rng.standard_normal(32), "measure.x": rng.standard_normal(32)})


def test_oracles_are_means_over_draws() -> None:
    """Other seeds of the noise move them little, and less than one draw moves; the interval holds the draws."""
    reports = [rank(ledger(), bootstrap=20, permutations=20, seed=seed).measures for seed in range(4)]
    for name in ("noisy_oracle_0.02", "noisy_oracle_0.05"):
        found = [report[name] for report in reports]
        psi = [entry.Psi for entry in found if entry.Psi is not None]
        assert np.ptp(psi) < 0.04
        low, high = found[0].interval.Psi or (1.0, 1.0)
        assert low < psi[0] < high
        assert high - low > 0.1
        assert psi[0] == pytest.approx(np.mean([value for value in found[0].psi.values() if value is not None]))
    assert (reports[0]["noisy_oracle_0.01"].Psi or 0) > (reports[0]["noisy_oracle_0.05"].Psi or 1)
    assert (rank(ledger(), bootstrap=0).measures["noisy_oracle_0.05"]).interval.Psi is None
