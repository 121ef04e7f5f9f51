"""The PGDL competition's first task as arrays, and random small ledgers with ties, holes and replicates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Small:
    """A small set of networks.

    Attributes:
        scores: mu [n].
        target: g [n].
        levels: the code [n] of each hyperparameter.
    """

    scores: Floats
    target: Floats
    levels: Mapping[str, Ints]


def _random_ledgers() -> Iterator[Small]:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, axes = int(rng.integers(3, 26)), int(rng.integers(1, 4))
        levels = {f"hp.{name}": rng.integers(0, rng.integers(1, 4), n) for name in "abc"[:axes]}
        scores = rng.integers(0, 6, n) / 8
        target = rng.integers(0, 9, n) / 16
        target[0], target[1] = 0.0, 0.5625  # never constant
        yield Small(scores, target, levels)


@pytest.fixture(scope="session")
def random_ledgers() -> list[Small]:
    """Forty of them; scores and targets tie, grids have holes, configurations replicates."""
    return list(_random_ledgers())


@pytest.fixture(scope="session")
def pgdl(data_dir: Path) -> dict[str, Small]:
    """By measure: the 96 networks of task 1."""
    frame = pd.read_csv(data_dir / "pgdl" / "task1.csv")
    levels = {name: pd.factorize(frame[name])[0].astype(np.int64) for name in frame if str(name).startswith("hp.")}
    return {
        name: Small(
            frame[f"measure.{name}"].to_numpy(), frame["gap"].to_numpy(), {str(k): v for k, v in levels.items()}
        )
        for name in ("VPM_1", "VPM_80", "VR", "WCV")
    }
