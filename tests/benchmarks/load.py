"""Load of the driver: many networks and scores from several workers, the same command once more, and their ranking.

    python -m tests.benchmarks.load --networks 100 1000 10000 --measures 160 --workers 8

Networks and scores are made up in the workers, at once, so that what remains is the driver's work: planning, writing,
reading and ranking. Each step runs in a new process; printed are its processor seconds, those for a cell (one score of
one network) and its peak memory.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice, product
from multiprocessing import get_context
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np
import torch
from rich.console import Console

from harness.pipeline import steps
from harness.pipeline.plan import Plan
from harness.pipeline.run_options import RunOptions
from harness.pipeline.tasks import ScoreTask, TrainTask
from harness.reports.write_results import write_results
from harness.store.store import Store
from harness.store.to_ledger import frame_of
from harness.store.weights import PackedRun, pack
from measures import Score
from measures.registry import catalog
from zoo.recipe import Recipe
from zoo.training.record import Record, TrainedRun

WEIGHTS: Final = {"weight": torch.zeros(256)}
LEVELS: Final = 10  # of the learning rate and of weight decay
SEEDS: Final = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a step to the driver.

    Attributes:
        step: its name.
        networks: how many.
        cells: scores of all networks.
        seconds: processor time of the driver.
        peak: memory in bytes, the imports included.
    """

    step: str
    networks: int
    cells: int
    seconds: float
    peak: int

    def __str__(self) -> str:
        return (
            f"{self.step:8} {self.networks:6,} networks {self.cells:9,} cells {self.seconds:8.1f} s "
            f"{1e6 * self.seconds / self.cells:8.1f} us a cell {self.peak / 2**20:6.0f} MiB"
        )


def grid(networks: int) -> tuple[Recipe, ...]:
    """Recipes that differ in learning rate, weight decay, width and seed: seeds first, so that every size has them."""
    rates, decays = np.geomspace(0.001, 1, LEVELS).round(6), np.geomspace(1e-6, 0.1, LEVELS).round(9)
    widths = range(1, 1 + -(-networks // (LEVELS**2 * SEEDS)))
    choices = product(widths, rates, decays, range(SEEDS))
    return tuple(
        Recipe(width=float(width), learning_rate=float(rate), weight_decay=float(decay), seed=seed)
        for width, rate, decay, seed in islice(choices, networks)
    )


def made_up_run(task: TrainTask) -> Iterator[PackedRun]:
    """Yield a run with small weights for each recipe; the gap follows learning rate and width."""
    for recipe in task.recipes:
        draw = np.random.default_rng(recipe.seed)
        record = Record(
            train_accuracy=1.0,
            test_accuracy=float(np.clip(0.7 - 0.05 * np.log10(recipe.learning_rate) + 0.02 * draw.normal(), 0, 1)),
            train_loss=0.01,
            test_loss=1.0,
            stopped="target",
            epochs=20,
            steps=1000,
            seconds=1.0,
            fleet=1,
            num_params=256,
            labels_changed=0.0,
            test_size=1397,
            device="cpu",
            losses=tuple(0.9**epoch for epoch in range(20)),
        )
        yield pack(TrainedRun(recipe, record, WEIGHTS, WEIGHTS), {})


def made_up_scores(task: ScoreTask) -> Iterator[tuple[str, dict[str, Score]]]:
    """Yield a number for each measure, which follows the learning rate more or less."""
    draw = np.random.default_rng(task.recipe.seed)
    known = catalog()
    rate = np.log10(task.recipe.learning_rate)
    yield (
        task.run_id,
        {
            name: Score(float(rate * place % 3 + draw.normal()), "scored", 0.1, known[name].version)
            for place, name in enumerate(task.names)
        },
    )


def write(plan: Plan, store: Store) -> None:
    """Train and score all networks."""
    console = Console(quiet=True)
    assert steps.train_missing(plan, store, console) == 0
    assert steps.score_missing(plan, store, console) == 0


def read(plan: Plan, store: Store) -> None:
    """Read the whole ledger into a frame."""
    assert len(frame_of(store)) == len(plan.recipes)


def rank(plan: Plan, store: Store) -> None:
    """Rank the measures and write the page."""
    assert write_results(store, ()).models == len(plan.recipes)


STEPS: Final[dict[str, Callable[[Plan, Store], None]]] = {
    "write": write,
    "again": write,  # with nothing to do
    "read": read,
    "rank": rank,
}


def measure(step: str, networks: int, measures: int, workers: int, folder: Path) -> Cost:
    """Run a step in this process and return its cost to it."""
    chosen = sorted((one for one in catalog().values() if not one.needs), key=lambda one: one.name)[:measures]
    plan = Plan(
        options=RunOptions(out=folder, device="cpu"),
        recipes=grid(networks),
        measures={one.name: one for one in chosen},
        executor="processes",
        workers=workers,
    )
    begun = time.process_time()
    made_up = patch.multiple(steps, train_fleet=made_up_run, score_network=made_up_scores)
    with made_up, Store(folder) as store:
        STEPS[step](plan, store)
    return Cost(step, networks, networks * len(plan.measures), time.process_time() - begun, peak_memory())


def peak_memory() -> int:
    """Return the peak resident memory of this process in bytes, without that of its parent."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except OSError:  # not on Linux
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Run every step at every size and print what it cost."""
    parser = argparse.ArgumentParser(description="Load of the driver.")
    parser.add_argument("--networks", type=int, nargs="+", default=[100, 1000], help="sizes of the zoo")
    parser.add_argument("--measures", type=int, default=160)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    given = parser.parse_args()
    for networks in given.networks:
        with (
            tempfile.TemporaryDirectory() as folder,
            ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool,
        ):
            for step in given.steps:
                done = pool.submit(load.measure, step, networks, given.measures, given.workers, Path(folder) / "zoo")
                print(done.result(), flush=True)


if __name__ == "__main__":
    from tests.benchmarks import load  # by a name that workers can import

    main()
