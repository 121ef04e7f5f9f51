"""One fleet at work: recipes of one shape, and the queue of those that wait for a place."""

import itertools
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import torch

from zoo.epochs import Epochs
from zoo.fleet import Fleet, StackedFleet, State, load_state
from zoo.member import Entrance, Job, Run
from zoo.plain_loop import PlainLoop
from zoo.recipe import Recipe
from zoo.record import Snapshot, Stopped, TrainedRun, curve_point, record_of

FLEET_SIZES: Final = (1, 2, 4, 8, 16, 32)  # what the timing tries
TIMED_STEPS: Final = 3


class Trainer:
    """Trains jobs of one shape, those of one fleet side by side.

    Args:
        shape: what they share, see `zoo.training.shape_of`.
        jobs: what is to be trained.
        device: where.
        dtype: of parameters and computation.

    Raises:
        ValueError: a model that does not fit the images, or layers to tune that it does not have.
    """

    def __init__(self, shape: Recipe, jobs: Sequence[Job], device: torch.device, dtype: torch.dtype) -> None:
        self.shape, self.jobs, self.device = shape, jobs, device
        self.epochs = Epochs(shape, jobs, device, dtype)
        self.entrance = Entrance(shape, self.epochs.pools[0], device, dtype)
        self.network = self.entrance.network

    def run(self, size: int) -> Iterator[TrainedRun]:
        """Train every job with at most `size` side by side; a fleet that does not fit the device goes on at half."""
        waiting: deque[Run | Job] = deque(self.jobs)
        while True:
            runs: list[Run] = []
            try:
                yield from self._run(size, waiting, runs)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size //= 2
                waiting.extendleft(reversed([self.entrance.restarted(run) for run in runs]))
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
            else:
                return

    def _run(self, size: int, waiting: deque[Run | Job], runs: list[Run]) -> Iterator[TrainedRun]:
        """Train what waits; `runs` always holds the members that are at work."""
        engine = self._engine(size)
        ended: list[int] = []
        while waiting or len(ended) < len(runs):
            keep = [index for index in range(len(runs)) if index not in ended]
            following = list(itertools.islice(waiting, size - len(keep)))
            admitted = [item if isinstance(item, Run) else self._admitted(item) for item in following]
            changed = bool(ended or admitted)
            runs[:] = [runs[index] for index in keep] + admitted
            for _ in following:
                waiting.popleft()
            if changed:
                engine.change(keep, [self.entrance.member(run) for run in admitted])
            start = time.perf_counter()
            losses = self.epochs.pass_once(engine, runs)
            stops = self.epochs.stops(engine, runs, losses)
            self._keep(engine, runs)
            share = (time.perf_counter() - start) / len(runs)
            for run in runs:
                run.seconds += share
            ended = list(stops)
            for index, stopped in stops.items():
                state = engine.state(index)
                if (further := self.entrance.further(runs[index], state, stopped)) is not None:
                    waiting.appendleft(further)
                else:
                    yield self._result(runs[index], state, stopped, size)

    def best_size(self) -> int:
        """The fleet size that would be done first, by a short timing of steps on this machine."""
        largest = min(len(self.jobs), FLEET_SIZES[-1])
        sizes = [*(size for size in FLEET_SIZES if size < largest), largest]
        seconds = {}
        for size in sizes:
            try:
                seconds[size] = math.ceil(len(self.jobs) / size) * self._seconds_a_step(
                    [self._admitted(job) for job in self.jobs[:size]]
                )
            except torch.OutOfMemoryError:  # nor do larger ones fit
                break
        if not seconds:
            return 1
        return min(seconds, key=seconds.__getitem__)

    def _seconds_a_step(self, runs: list[Run]) -> float:
        engine = self._engine(len(runs))
        engine.change([], [self.entrance.member(run) for run in runs])
        batches = list(itertools.islice(self.epochs.batches(engine, runs), TIMED_STEPS + 1)) * (TIMED_STEPS + 1)
        seconds = []
        for batch in batches[: TIMED_STEPS + 1]:
            start = time.perf_counter()
            float(engine.step(batch).sum())  # reading a number waits for the device
            seconds.append(time.perf_counter() - start)
        return min(seconds[1:])

    def _engine(self, size: int) -> Fleet:
        kind = PlainLoop if size == 1 else StackedFleet
        return kind(self.network, self.shape.optimizer)

    def _admitted(self, job: Job) -> Run:
        return self.entrance.admitted(job, self.epochs.pool_of(job))

    def _keep(self, engine: Fleet, runs: Sequence[Run]) -> None:
        """Checkpoints, and the state to which pruning goes back."""
        for index, run in enumerate(runs):
            if run.recipe.prune and run.rewound is None and run.epochs == run.recipe.rewind_epoch:
                run.rewound = engine.state(index)
            if run.recipe.checkpoints == "doubling" and run.epochs & (run.epochs - 1) == 0:
                state = engine.state(index)
                load_state(self.network, state) if not isinstance(engine, PlainLoop) else None
                run.curve.append(curve_point(self.network, self.epochs.pools[run.pool], run.epochs))
                run.snapshots.append(Snapshot(run.epochs, run.epochs * self.epochs.steps, on_cpu(state)))

    def _result(self, run: Run, state: State, stopped: Stopped, size: int) -> TrainedRun:
        load_state(self.network, state)
        record = record_of(
            self.network,
            self.epochs.pools[run.pool],
            stopped,
            epochs=run.epochs,
            steps=run.epochs * self.epochs.steps,
            seconds=run.seconds,
            fleet=size,
            losses=run.losses,
            curve=run.curve,
        )
        return TrainedRun(run.recipe, record, on_cpu(run.initial), on_cpu(state), tuple(run.snapshots))


def on_cpu(state: State) -> State:
    """A state on the CPU."""
    return {name: value.cpu() for name, value in state.items()}
