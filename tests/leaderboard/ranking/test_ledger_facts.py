"""Noise of an estimator, from the ledger or the metadata, and what it does to a ranking."""

import numpy as np
import pandas as pd
import pytest

from leaderboard.ledger.metadata import Metadata
from leaderboard.ranking.excerpt import excerpt_of
from leaderboard.ranking.ledger_facts import with_noise
from leaderboard.ranking.rank import order, rank
from leaderboard.views.rows import rows_of
from tests.leaderboard.reports import zoo


def test_noise_is_that_of_the_ledger() -> None:
    """Spreads 1 / sqrt(2) and 3 / sqrt(2) within corruptions, deviations .3; a score or deviation may be missing."""
    runs = pd.DataFrame(
        {
            "hp.corruption": ["a", "a", "a", "b", "b", "b"],
            "measure.drawn": [0.0, 1.0, np.nan, 10.0, 13.0, 50.0],
            "noise.drawn": [0.3, 0.3, 9.0, 0.3, 0.3, np.nan],
            "measure.constant": 1.0,
            "noise.constant": 0.1,
        }
    )

    def noise(name: str, column: str | None = "hp.corruption") -> float | None:
        return with_noise(Metadata(noise=7.0), runs, name, column).noise

    assert noise("drawn") == pytest.approx((0.3 * 2**0.5 + 0.1 * 2**0.5) / 2, rel=1e-12)
    assert noise("drawn", None) == pytest.approx(0.3 / np.std([0, 1, 10, 13], ddof=1), rel=1e-12)
    assert noise("constant") is None
    assert noise("another") == 7.0


def test_a_measure_that_ranks_its_draws_takes_no_rank() -> None:
    """The best measure, its estimator as noisy as the networks differ, is below the others and on no front."""
    ledger = zoo()
    ledger["noise.perfect"] = ledger["measure.perfect"].std()
    for name in ("perfect", "reversed", "memory", "useless"):
        ledger[f"cost.{name}"] = 1.0
    report = rank(ledger, bootstrap=20, metadata={"reversed": {"expected_sign": -1}, "memory": {"noise": 0.2}})
    names = [row.name for row in rows_of(report) if row.place is not None]
    entry = report.measures["perfect"]

    assert entry.noise is not None
    assert entry.noise > 1
    assert names == [name for name in order(report) if name in ("reversed", "memory", "useless")]
    assert order(report).index("perfect") > order(report).index(names[-1])
    assert entry.pareto is None
    assert entry.why["pareto"] == "Its estimator is too noisy."
    assert report.power is not None
    assert "perfect" not in report.power.between
    assert entry.to_json()["noise"] == entry.noise
    assert [row.place for row in rows_of(excerpt_of(report))] == [row.place for row in rows_of(report)]
