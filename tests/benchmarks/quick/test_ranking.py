"""Ranking a full grid and a random search at two sizes: calls, memory, and how they grow; and the page."""

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from leaderboard import rank
from leaderboard.statistics.pairs import PairCounter
from leaderboard.views.page.document import build
from tests.benchmarks.counting import calls_of, peak_of, peak_of_process, seconds_of
from tests.benchmarks.test_ranking import searched, zoo

ZOOS: dict[str, Callable[[int], pd.DataFrame]] = {
    "grid": lambda scale: zoo(3, 3 + scale, 2, 3),  # three times the networks for each step of the scale
    "searched": lambda scale: searched(150 * 3**scale, measures=3),
}


@pytest.mark.parametrize("kind", ZOOS)
def test_ranking(kind: str, benchmark: BenchmarkFixture) -> None:
    """Three measures with resamples."""
    frames = [ZOOS[kind](scale) for scale in (0, 1)]
    benchmark.pedantic(rank, args=(frames[0],), kwargs={"bootstrap": 100}, rounds=1, warmup_rounds=1)
    work = [functools.partial(rank, frame, bootstrap=100) for frame in frames]
    small, large = ((calls_of(once), peak_of(once)) for once in work)
    seconds = [seconds_of(once, 2) for once in work]
    benchmark.extra_info.update(
        counts={"calls": large[0], "peak": large[1]},
        growths={"seconds at three times the networks": seconds[1] / seconds[0]},
        peak_of_process=peak_of_process(),
    )
    assert large[0] < 3 * small[0]


def test_counting_pairs(benchmark: BenchmarkFixture) -> None:
    """Sorting grows by a little more than four where the networks are four times as many; pairs grow by sixteen."""
    rng = np.random.default_rng(0)
    levels = {n: {str(axis): rng.integers(0, 3, n) for axis in range(5)} for n in (1000, 4000)}
    counters = {n: PairCounter(rng.random(n), levels[n]) for n in levels}
    scores = {n: rng.random(n) for n in levels}
    work = {n: (lambda n=n: counters[n].count(scores[n])) for n in levels}
    benchmark.pedantic(work[4000], rounds=3, warmup_rounds=1)
    benchmark.extra_info.update(
        counts={"calls": calls_of(work[4000]), "peak": peak_of(work[4000])},
        growths={"seconds at four times the networks": seconds_of(work[4000], 5) / seconds_of(work[1000], 5)},
    )
    assert benchmark.extra_info["growths"]["seconds at four times the networks"] < 12


def test_page(benchmark: BenchmarkFixture) -> None:
    """The page of a grid of 243 networks."""
    frame = zoo(3, 5, 1, 4)
    report = rank(frame, bootstrap=0)
    document = benchmark.pedantic(build, args=(report, frame, {}), rounds=2, warmup_rounds=1)
    benchmark.extra_info.update(
        counts={
            "document": len(document.encode()),
            "calls": calls_of(lambda: build(report, frame, {})),
            "peak": peak_of(lambda: build(report, frame, {})),
        }
    )
    assert document.startswith("<!")
