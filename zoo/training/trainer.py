"""Trainer of jobs of one shape: it chooses an engine, runs a fleet and refills it from a queue."""

import itertools
import json
import logging
import math
import platform
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import torch

from zoo.recipe import Recipe
from zoo.recipe_fields import Checkpoints
from zoo.training.engines.compiled_fleet import NotRecordedError
from zoo.training.engines.fleet_memory import give_back, largest_fleet, out_of_memory
from zoo.training.engines.modes import RECORDED, Mode, differs, engine_of, offered
from zoo.training.engines.precision import Precision, exactly
from zoo.training.engines.stacked_fleet import Fleet, State, load_state
from zoo.training.engines.timing import Auto, Choice, Remembered, Trial, decided, timed
from zoo.training.epochs import Epochs
from zoo.training.member import Entrance, Job, Run
from zoo.training.record import Snapshot, Stopped, TrainedRun, curve_point, record_of
from zoo.training.stopping import stops_after_epoch

TIMINGS: Final = 3
FACTORS: Final[dict[Checkpoints, int]] = {"doubling": 2, "fourfold": 4}  # from one kept epoch to the next
STEPS_TIMED_ON_GPU: Final = 10  # in a row, since a GPU works while the next are launched

log = logging.getLogger(__name__)


class Trainer:
    """Trains jobs of one shape, several at once in a fleet.

    Args:
        shape: what they share, see `zoo.training.train.shape_of`.
        jobs: what is to be trained.
        device: where.
        dtype: of parameters and computation.
        precision: of the matrix products of a step.

    Raises:
        RecipeError: a model that does not fit the images, or layers to tune that it does not have.
    """

    def __init__(
        self,
        shape: Recipe,
        jobs: Sequence[Job],
        device: torch.device,
        dtype: torch.dtype,
        precision: Precision = "float32",
    ) -> None:
        self.shape, self.jobs, self.device, self.dtype, self.precision = shape, jobs, device, dtype, precision
        self.epochs = Epochs(shape, jobs, device, dtype)
        self.entrance = Entrance(shape, self.epochs.pools[0], device, dtype)
        self.network = self.entrance.network

    def choose(self, mode: Mode | Auto, size: int | Auto, remembered: Remembered) -> Choice:
        """Choose the engine and fleet size that would finish first, by a short timing; the answer is kept.

        Raises:
            RuntimeError, OSError: no engine could start.
        """
        epochs = max(job.recipe.max_epochs for job in self.jobs)
        trial = Trial(
            networks=len(self.jobs),
            device=self.device,
            modes=tuple(mode for mode in offered(self.device) if differs(mode, self.network)),
            mode=mode,
            size=size,
            largest=lambda: largest_fleet(self.network, self.epochs.first_batch()),
            steps=epochs * self.epochs.steps,
            seconds=self._seconds_a_step,
        )
        if (only := decided(trial)) is not None:
            return only
        question = self._question(mode, size)
        if (known := remembered.recall(question)) is not None:
            return known
        found = remembered.keep(question, *timed(trial))
        log.info("%s: %s", question, found)
        return found

    def run(self, size: int, mode: Mode = "fleet") -> Iterator[TrainedRun]:
        """Train every job, at most `size` at a time.

        A fleet that does not fit the device goes on at half, and one whose step cannot be recorded without recording;
        the record says what trained a network.
        """
        waiting: deque[Run | Job] = deque(self.jobs)
        while True:
            runs: list[Run] = []
            try:
                yield from self._run(Choice(mode, size), waiting, runs)
            except NotRecordedError as error:
                log.warning("%s Its networks restart, unrecorded.", error)
                fits = True
            except (RuntimeError, MemoryError) as error:
                if size == 1 or not out_of_memory(error):
                    raise
                log.warning(
                    "A fleet of %d does not fit into memory; its networks restart in fleets of half the size.", size
                )
                fits = False
            else:
                return
            mode, size = (RECORDED[mode], size) if fits else (mode, size // 2)
            waiting.extendleft(reversed([self.entrance.restarted(run) for run in runs]))
            give_back(self.device)  # only here, where the error and all that it held is gone

    def _run(self, choice: Choice, waiting: deque[Run | Job], runs: list[Run]) -> Iterator[TrainedRun]:
        """Train what waits; `runs` always holds the members that are at work, each of them nowhere else."""
        engine = self._engine(choice)
        keep: list[int] = []  # the places that they had before others left
        stops: dict[int, Stopped] = {}
        while waiting or runs:
            following = list(itertools.islice(waiting, choice.size - len(runs)))
            admitted = [item if isinstance(item, Run) else self._admitted(item) for item in following]
            runs += admitted
            for _ in following:
                waiting.popleft()
            if stops or admitted:
                engine.change(keep, [self.entrance.member(run) for run in admitted])
            start = time.perf_counter()
            with exactly(self.device):
                losses = self.epochs.pass_once(engine, runs)
                stops = stops_after_epoch(runs, losses, partial(self.epochs.train_losses, engine, runs))
                self._keep(engine, runs)
                share = (time.perf_counter() - start) / len(runs)
                for run in runs:
                    run.seconds += share
                further, done = self._ended(engine, runs, stops, choice)
            keep = [index for index in range(len(runs)) if index not in stops]
            runs[:] = [runs[index] for index in keep]
            waiting.extendleft(further)
            yield from done

    def _ended(
        self, engine: Fleet, runs: Sequence[Run], stops: Mapping[int, Stopped], choice: Choice
    ) -> tuple[list[Run], list[TrainedRun]]:
        """Runs that have another round before them, and the results of those that are done."""
        further, done = [], []
        for index, stopped in stops.items():
            state = engine.state(index)
            if (again := self.entrance.further(runs[index], state, stopped)) is not None:
                further.append(again)
            else:
                done.append(self._result(runs[index], state, stopped, choice))
        return further, done

    def _seconds_a_step(self, choice: Choice) -> float:
        """Shortest of several timings of a step with its batch, after one step that is not timed."""
        give_back(self.device)
        engine = self._engine(choice)
        runs = [self._admitted(job) for job in self.jobs[: choice.size]]
        engine.change([], [self.entrance.member(run) for run in runs])
        steps = STEPS_TIMED_ON_GPU if self.device.type == "cuda" else 1
        batches = itertools.chain.from_iterable(self.epochs.batches(engine, runs) for _ in itertools.count())
        seconds = []
        with exactly(self.device):
            for count in (1, *[steps] * TIMINGS):
                start = time.perf_counter()
                for batch in itertools.islice(batches, count):
                    losses = engine.step(batch)
                float(losses.sum())  # reading a number waits for the device
                seconds.append((time.perf_counter() - start) / count)
        return min(seconds[1:])

    def _question(self, mode: Mode | Auto, size: int | Auto) -> str:
        """Key of the timing cache: everything that the choice may depend on."""
        where = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else platform.machine()
        parts = {
            "shape": self.shape.changed(),
            "examples": len(self.epochs.labels[0]),
            "networks": len(self.jobs),
            "mode": mode,
            "size": size,
            "precision": self.precision,
            "dtype": str(self.dtype),
            "device": f"{self.device.type} {where}",
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        return json.dumps(parts, sort_keys=True)

    def _engine(self, choice: Choice) -> Fleet:
        return engine_of(choice.mode, choice.size, self.network, self.shape.optimizer, self.precision)

    def _admitted(self, job: Job) -> Run:
        return self.entrance.admitted(job, self.epochs.pool_of(job))

    def _keep(self, engine: Fleet, runs: Sequence[Run]) -> None:
        """Keep checkpoints, and the state that pruning rewinds to."""
        for index, run in enumerate(runs):
            if run.recipe.prune and run.rewound is None and run.epochs == run.recipe.rewind_epoch:
                run.rewound = engine.state(index)
            if _is_checkpoint(run.epochs, run.recipe.checkpoints):
                state = engine.state(index)
                load_state(self.network, state)
                run.curve.append(curve_point(self.network, self.epochs.pools[run.pool], run.epochs))
                run.snapshots.append(Snapshot(run.epochs, run.epochs * self.epochs.steps, on_cpu(state)))

    def _result(self, run: Run, state: State, stopped: Stopped, choice: Choice) -> TrainedRun:
        load_state(self.network, state)
        record = record_of(
            self.network,
            self.epochs.pools[run.pool],
            stopped,
            epochs=run.epochs,
            steps=run.epochs * self.epochs.steps,
            seconds=run.seconds,
            fleet=choice.size,
            losses=run.losses,
            curve=run.curve,
            mode="loop" if choice == Choice("fleet", 1) else choice.mode,
            precision=self.precision,
            start_sha256=run.job.start_sha256,
        )
        return TrainedRun(run.recipe, record, on_cpu(run.initial), on_cpu(state), tuple(run.snapshots))


def _is_checkpoint(epoch: int, checkpoints: Checkpoints) -> bool:
    """Return whether an epoch, counted from 1, is a power of the factor between checkpoints."""
    factor = FACTORS.get(checkpoints)
    return factor is not None and factor ** round(math.log(epoch, factor)) == epoch


def on_cpu(state: State) -> State:
    """Copy a state to the CPU."""
    return {name: value.cpu() for name, value in state.items()}
