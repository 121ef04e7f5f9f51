"""Ranking at full size, and beside a straightforward loop over pairs at a size where that ends.

Run with `pytest tests/benchmarks/test_ranking.py --benchmark-only -s`. Times are processor seconds of this process, so
that other work on the machine does not decide; tests hold ratios, and the full sizes print their times.
"""

import resource
import time
from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.stats import entropy, kendalltau

from leaderboard import rank
from leaderboard.statistics.pairs import PairCounter
from leaderboard.statistics.projection import TauBProjection
from leaderboard.statistics.resampling import TauBDraws, draw

TIMES_FASTER = 50  # than the loop over pairs, at 243 networks; it grows with their number
MOST_EXPONENT = 1.3  # of the time to rank a searched ledger in the number of networks, from 2,000 to 8,000
MOST_GROWTH = 8.0  # of the time to count pairs when networks become four times as many; a loop over pairs takes 16


def zoo(levels: int, axes: int, seeds: int, measures: int) -> pd.DataFrame:
    """A full grid with a gap that the hyperparameters move, and measures that follow both more or less."""
    rng = np.random.default_rng(0)
    grid = np.repeat(np.array(list(product(range(levels), repeat=axes))), seeds, axis=0)
    n = len(grid)
    frame: dict[str, object] = {f"hp.h{axis}": grid[:, axis] for axis in range(axes - 1)}
    frame["hp.corruption"] = np.array(["true_labels", "random_labels", "shuffled_pixels"])[grid[:, -1] % 3]
    latent = 0.1 * grid @ rng.normal(size=axes) + 0.3 * rng.normal(size=n)
    frame["train_accuracy"] = np.ones(n)
    frame["test_accuracy"] = rng.binomial(10_000, 1 / (1 + np.exp(-latent))) / 10_000
    for place in range(measures):
        own = 0.2 * grid @ rng.normal(size=axes) + 2 * rng.random() * rng.normal(size=n)
        frame[f"measure.m{place}"] = np.exp(-latent * rng.normal() + own)
        frame[f"cost.m{place}"] = rng.random(n)
    return pd.DataFrame(frame)


def searched(n: int, axes: int = 8, measures: int = 5) -> pd.DataFrame:
    """A random search over continuous hyperparameters: no two networks have the same."""
    rng = np.random.default_rng(0)
    places = rng.random((n, axes))
    latent = places @ rng.normal(size=axes) + 0.3 * rng.normal(size=n)
    frame = {f"hp.h{axis}": values for axis, values in enumerate(places.T)} | {"train_accuracy": np.ones(n)}
    frame["test_accuracy"] = rng.binomial(10_000, 1 / (1 + np.exp(-latent))) / 10_000
    for place in range(measures):
        frame[f"measure.m{place}"] = latent * rng.normal() + rng.normal(size=n)
    return pd.DataFrame(frame)


def seconds_of(work: Callable[[], object], rounds: int = 1) -> float:
    """The least processor time of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def looped(frame: pd.DataFrame, measure: str) -> tuple[float, float, float]:
    """Tau-b, Psi and K of one measure with scipy and pandas, as one would write them down."""
    gap = 1 - frame["test_accuracy"]
    names = [str(name) for name in frame if str(name).startswith("hp.")]
    psi = []
    for name in names:
        cells = frame.assign(gap=gap).groupby([other for other in names if other != name])
        psi.append(np.mean([kendalltau(cell[measure], cell["gap"]).statistic for _, cell in cells]))
    pairs = pd.DataFrame(
        [
            (np.sign(frame[measure][a] - frame[measure][b]), np.sign(gap[a] - gap[b]), a, b)
            for a, b in product(range(len(frame)), repeat=2)
            if a != b
        ],
        columns=["mu", "g", "a", "b"],
    )
    for name in names:
        pairs[name] = list(zip(frame[name].to_numpy()[pairs["a"]], frame[name].to_numpy()[pairs["b"]], strict=True))
    ratios = []
    for given in [[], *([name] for name in names), *([x, y] for x in names for y in names if x < y)]:
        information = uncertainty = 0.0
        for _, cell in pairs.groupby(given) if given else [((), pairs)]:
            table = pd.crosstab(cell["mu"], cell["g"]).to_numpy() / len(cell)
            h = entropy(table.sum(axis=0))
            information += len(cell) * (h + entropy(table.sum(axis=1)) - entropy(table.ravel()))
            uncertainty += len(cell) * h
        ratios.append(information / uncertainty)
    return float(kendalltau(frame[measure], gap).statistic), float(np.mean(psi)), float(min(ratios))


def test_faster_than_a_loop_over_pairs(benchmark: BenchmarkFixture) -> None:
    """All statistics of all measures and controls, against three statistics of one measure looped."""
    frame = zoo(3, 5, 1, 10)
    report = benchmark.pedantic(rank, args=(frame,), kwargs={"bootstrap": 0}, rounds=2, warmup_rounds=1)
    entry = report.measures["m0"]
    start = time.process_time()
    found = looped(frame, "measure.m0")
    slow = time.process_time() - start
    fast = seconds_of(lambda: rank(frame, bootstrap=0, within=None), 3) / len(report.measures)

    assert found == pytest.approx((entry.tau_b, entry.Psi, entry.cmi), abs=1e-9)
    print(f"\n243 networks, seconds a measure: {fast:.4f}; the loop, three statistics of them: {slow:.2f}")
    assert slow / fast >= TIMES_FASTER


def test_counting_grows_as_sorting_does(benchmark: BenchmarkFixture) -> None:
    """Four times the networks take about four times the time, whatever the number of pairs."""
    rng = np.random.default_rng(0)
    seconds = {}
    for n in (2000, 8000):
        levels = {str(axis): rng.integers(0, 3, n) for axis in range(7)}
        counter, scores = PairCounter(rng.random(n), levels), rng.random(n)
        seconds[n] = seconds_of(lambda counter=counter, scores=scores: counter.count(scores), 5)  # type: ignore[misc]
    benchmark.pedantic(counter.count, args=(scores,), rounds=3)
    print(f"\nseconds to count 2,000 and 8,000 networks in the cells of seven hyperparameters: {seconds}")
    assert seconds[8000] / seconds[2000] <= MOST_GROWTH


def test_a_searched_ledger_grows_little_faster_than_its_networks(benchmark: BenchmarkFixture) -> None:
    """Five measures with 1,000 resamples; the sizes take turns, so that other work on the machine slows all of them."""
    frames = {n: searched(n) for n in (1000, 2000, 4000, 8000)}
    rank(frames[1000])
    rounds = [{n: seconds_of(lambda frame=frame: rank(frame)) for n, frame in frames.items()} for _ in range(3)]  # type: ignore[misc]
    seconds = {n: min(one[n] for one in rounds) for n in frames}
    exponent = float(np.log(seconds[8000] / seconds[2000]) / np.log(4))
    benchmark.extra_info.update(seconds={str(n): value for n, value in seconds.items()}, exponent=exponent)
    benchmark.pedantic(rank, args=(frames[1000],), rounds=1)
    print(f"\nprocessor seconds to rank a searched ledger: {seconds}; exponent from 2,000: {exponent:.2f}")
    assert exponent <= MOST_EXPONENT


def test_projected_and_exact_resamples_of_tau_b(benchmark: BenchmarkFixture) -> None:
    """One measure on 1,000 to 8,000 networks, both in turn."""
    rng = np.random.default_rng(0)
    seconds: dict[str, dict[str, float]] = {}
    for n in (1000, 2000, 4000, 8000):
        target, counts = rng.normal(size=n), draw(n, 1000, rng)
        scores = target + rng.normal(size=n)
        kinds = [kind(counts, np.arange(n), target) for kind in (TauBProjection, TauBDraws)]
        rounds = [[seconds_of(lambda kind=kind: kind.of(scores)) for kind in kinds] for _ in range(3)]  # type: ignore[misc] # noqa: B023  called at once
        seconds[str(n)] = dict(zip(("projected", "exact"), np.min(rounds, axis=0).tolist(), strict=True))
    benchmark.extra_info.update(seconds=seconds)
    benchmark.pedantic(kinds[0].of, args=(scores,), rounds=3)
    print(f"\nprocessor seconds of 1,000 resamples of tau-b: {seconds}")
    assert seconds["8000"]["projected"] < seconds["8000"]["exact"]


@pytest.mark.parametrize(
    ("levels", "axes", "seeds", "measures", "bootstrap", "most"), [(3, 7, 1, 100, 1000, 60), (5, 4, 16, 160, 0, 120)]
)
def test_full_size(
    benchmark: BenchmarkFixture, levels: int, axes: int, seeds: int, measures: int, bootstrap: int, most: int
) -> None:
    """2,187 networks by 100 measures with 1,000 resamples, and 10,000 by 160 without, in so many seconds on two cores.

    The second took 51 processor seconds of one core and 0.5 GiB.
    """
    frame = zoo(levels, axes, seeds, measures)
    start = time.process_time()
    report = benchmark.pedantic(rank, args=(frame,), kwargs={"bootstrap": bootstrap}, rounds=1)
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

    print(
        f"\n{len(frame):,} x {measures}, {bootstrap} resamples: {spent:.0f} processor seconds, {peak:.2f} GiB at most"
    )
    assert report.models == len(frame)
    assert spent < 2 * most
    assert peak < 4
