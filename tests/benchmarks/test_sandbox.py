"""Benchmark the sandbox: the time to score the catalogue as submitted measures, against the catalogue itself."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from harness.pipeline.run_options import RunOptions
from harness.pipeline.tasks import ScoreTask
from harness.pipeline.workers import TIME_LIMIT, parts_of, subject_of
from harness.sandbox.plugins import Commission, Retraining, make_commission, score_commission, shared_sandbox
from harness.sandbox.submission import Submission
from harness.store.store import Store
from harness.store.weights import pack
from measures import Score
from measures.registry import catalog, select
from measures.scoring import score_subject
from zoo.suites.registry import suite
from zoo.training.train import train

AS_SUBMITTED = """
from dataclasses import replace
from measures.registry import catalog

def again(found):
    def compute(subject):
        return found.compute(subject)
    compute.__doc__ = found.compute.__doc__
    return replace(found, compute=compute)

globals().update({name: again(found) for name, found in catalog().items() if "refit" not in found.needs})
"""
ROUNDS = 3  # of each network, in which the two ways take turns; the better of each counts
EPOCHS = 2  # of training: what a measure costs does not depend on how well a network is trained


@pytest.mark.benchmark(group="sandbox")
def test_what_the_sandbox_adds(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The same scores both ways, on a network of each architecture of the digits suite; at most 20 % more time."""
    taken = benchmark.pedantic(seconds_of, args=(tmp_path,), rounds=1)
    inside, outside = (sum(seconds) for seconds in zip(*taken.values(), strict=True))
    for run_id, (there, here) in taken.items():
        print(f"{run_id}: {there:.3f} s in the sandbox, {here:.3f} s outside")
    print(f"together {inside:.2f} s against {outside:.2f} s, ratio {inside / outside:.3f}")
    benchmark.extra_info["ratio"] = inside / outside

    assert inside <= 1.2 * outside


def seconds_of(folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds in the sandbox and outside of scoring each network, by run_id."""
    torch.set_num_threads(1)
    path = folder / "everything.py"
    path.write_text(AS_SUBMITTED)
    submission = Submission.of_file(path)
    chosen = {name: found for name, found in catalog().items() if "refit" not in found.needs}
    assert set(shared_sandbox().describe(submission)) == set(chosen)  # and it is started, once a run
    group = make_commission(submission, list(chosen.values()))
    taken = {}
    with Store(folder / "zoo") as store:
        for task in tasks(store, tuple(chosen)):
            pairs = [timed(task, group) for _ in range(ROUNDS)]
            taken[task.run_id] = min(there for there, _ in pairs), min(here for _, here in pairs)
    return taken


def timed(task: ScoreTask, group: Commission) -> tuple[float, float]:
    """Seconds in the sandbox and outside; the scores are the same."""
    parts, subject = parts_of(task), subject_of(task)
    start = time.perf_counter()
    outside = score_subject(subject, select(task.names, catalog()), time_limit=TIME_LIMIT)
    middle = time.perf_counter()
    inside = score_commission(group, parts, TIME_LIMIT, Retraining(None, TIME_LIMIT))
    end = time.perf_counter()
    assert values(inside) == values(outside)
    return end - middle, middle - start


def values(scores: dict[str, Score]) -> dict[str, tuple[float | None, str]]:
    """What does not depend on the clock."""
    return {name: (score.value, score.outcome) for name, score in sorted(scores.items())}


def tasks(store: Store, names: tuple[str, ...]) -> Iterator[ScoreTask]:
    """Scoring a network of each architecture, hardly trained, each with a twin."""
    of_model = {recipe.model: recipe.replace(max_epochs=EPOCHS) for recipe in suite("digits").recipes("small")}
    for recipe in of_model.values():
        pair = [recipe, recipe.replace(seed=recipe.seed + 1)]
        for run in train(pair, fleet=2):
            store.add_run(pack(run, {}))
        (initial, final), (_, twin) = (store.weight_files(one.run_id) for one in pair)
        record = store.runs()[recipe.run_id].record
        yield ScoreTask(
            origin=recipe, initial=initial, final=final, trajectory=None,
            losses=record.losses, steps=record.steps, twin=twin, names=names, options=RunOptions(device="cpu"),
        )  # fmt: skip
