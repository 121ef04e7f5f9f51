"""Level and power of the verdict beside all hyperparameters.

Run with `pytest tests/benchmarks/statistics/test_beside_hyperparameters.py --benchmark-only -s`; docs/statistics.md has
its figures.
"""

from typing import Final

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from leaderboard.ranking import significance
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.permutation import LEVEL
from tests.leaderboard.simulations.beside_hyperparameters import TRIPLES, verdicts

LEDGERS: Final = 2000  # where no verdict is right; a quarter of them for the power
DRAWS: Final = 200


@pytest.mark.parametrize(
    ("order", "known"), [(1, 0.0), (1, 0.25), (1, 0.5), (1, 1.0), (2, 0.0), (2, 0.25), (2, 0.5), (2, 1.0), (3, 0.0)]
)
def test_level_and_power(benchmark: BenchmarkFixture, order: int, known: float) -> None:
    """Families of 20 scores, 200 permutations; with interactions of three the level is not kept, and that is shown."""
    rng = np.random.default_rng(1)
    ledgers = LEDGERS if known == 0 else LEDGERS // 4
    rows = benchmark.pedantic(lambda: [verdicts(rng, known, DRAWS, order) for _ in range(ledgers)], rounds=1)
    any_of_all, each, alone = np.mean(rows, axis=0)
    error = np.sqrt(any_of_all * (1 - any_of_all) / ledgers)

    print(
        f"\ninteractions of {order}, knows {known}: any verdict {any_of_all:.1%} +- {error:.1%}, "
        f"scores with a verdict {each:.1%}, p <= 5 % {alone:.1%}"
    )
    benchmark.extra_info |= {"any": any_of_all, "each": each, "uncorrected": alone}
    if known == 0 and order < TRIPLES:
        assert any_of_all <= LEVEL + 3 * error
    if known == 1:
        assert each > 0.9


def test_permutations_alone_err_too_often(benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The level if the observed score does not count among its permutations when they are standardised."""

    def add(self: significance.Tests, name: str, observed: float, null: Floats) -> None:
        self.z[name], self.null[name] = (observed - null.mean()) / null.std(), (null - null.mean()) / null.std()

    monkeypatch.setattr(significance.Tests, "add", add)
    rng = np.random.default_rng(1)
    rows = benchmark.pedantic(lambda: [verdicts(rng, 0.0, DRAWS, 1)[0] for _ in range(LEDGERS)], rounds=1)

    print(f"\nstandardised by permutations alone: any verdict {np.mean(rows):.1%}")
    benchmark.extra_info["any"] = float(np.mean(rows))
    assert np.mean(rows) > LEVEL
