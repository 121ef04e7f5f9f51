"""Train recipes: those of one shape side by side as a fleet, every result given back as soon as it is there.

An epoch visits every training example once in an order drawn for each member. When an epoch's mean minibatch loss has
come within `CHECK_FACTOR` of the target, the training cross-entropy of the member is computed in eval mode over all its
training examples; at or below the target the member leaves the fleet and the next recipe takes its place.
"""

import functools
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.closed_form import solve, unsolved
from zoo.corruptions import DataSpec, PreparedData, prepare
from zoo.datasets import load
from zoo.fleet import Fleet, Member, PlainLoop, StackedFleet, State, load_state, state_of
from zoo.models import build
from zoo.recipe import SOLVED, Recipe
from zoo.record import EVALUATION_CHUNK, Stopped, TrainedRun, normalised, record_of
from zoo.seeds import generator, seed_for

CHECK_FACTOR: Final = 4.0  # the mean over an epoch lags behind its end; a wider net only costs evaluations
FLEET_SIZES: Final = (1, 2, 4, 8, 16, 32)  # what the timing tries
TIMED_STEPS: Final = 3
KEPT_DATA: Final = 8  # prepared data sets; CIFAR-10 takes seconds to prepare and 0.2 GB to keep


@dataclass(slots=True)
class _Run:
    """One member under training."""

    recipe: Recipe
    data: int  # which of the pools
    initial: State
    order: torch.Generator
    epochs: int = 0
    seconds: float = 0.0


def shape_of(recipe: Recipe) -> Recipe:
    """What networks must share to be trained side by side: the recipe with all that is a member's own taken away."""
    default = Recipe()
    data = ("corruption", "corruption_p", "shift", "severity", "shift_on", "seed")
    own = (*data, "learning_rate", "weight_decay", "max_epochs", "target_loss")
    return recipe.replace(**{name: getattr(default, name) for name in own})


def network_of(recipe: Recipe, data: PreparedData) -> nn.Module:
    """The network of a recipe at initialization; of one that is solved, with output coefficients of zero."""
    if recipe.model in SOLVED:
        return unsolved(recipe, normalised(data.train_images, data), data.num_classes)
    channels, height, width = data.train_images.shape[1:]
    return build(recipe, (channels, height, width), data.num_classes, seed_for("initialization", recipe.seed))


def data_of(recipe: Recipe, data_dir: Path | None = None) -> PreparedData:
    """The training and test data of a recipe, on the CPU; the last few are kept, never write into them.

    Raises:
        UnknownDataset, DatasetError: see `zoo.datasets.load`.
        ValueError: a train size that the data set does not have.
    """
    spec = DataSpec(
        corruption=recipe.corruption,
        corruption_p=recipe.corruption_p,
        shift=recipe.shift,
        severity=recipe.severity,
        shift_on=recipe.shift_on,
        train_size=recipe.train_size,
        seed=recipe.seed,
    )
    return _prepared(recipe.dataset, data_dir, spec)


@functools.lru_cache(maxsize=KEPT_DATA)
def _prepared(dataset: str, data_dir: Path | None, spec: DataSpec) -> PreparedData:
    return prepare(load(dataset, data_dir), spec)


def train(
    recipes: Sequence[Recipe],
    *,
    device: torch.device | str = "cpu",
    fleet: int | Literal["auto"] = "auto",
    data_dir: Path | None = None,
    dtype: torch.dtype = torch.float32,
) -> Iterator[TrainedRun]:
    """Train recipes, fleet by fleet, and give each run back as soon as it has ended; solve those in closed form.

    Args:
        recipes: in any order; those of one shape are trained side by side.
        device: where to train.
        fleet: members side by side; "auto" times a few sizes for each shape on this machine.
        data_dir: folder of data sets, for those that are not in the box.
        dtype: of parameters and computation; what is solved is always float64.

    Yields:
        Runs in the order in which they end. States lie on the CPU.

    Raises:
        ValueError: a fleet below one, or a model that does not fit the images, or a system that is singular.
        UnknownDataset, DatasetError: see `zoo.datasets.load`.
    """
    if fleet != "auto" and fleet < 1:
        raise ValueError(f"fleet must be at least 1 or 'auto'; got {fleet}.")
    groups: dict[Recipe, list[Recipe]] = {}
    for recipe in recipes:
        groups.setdefault(shape_of(recipe), []).append(recipe)
    for shape, members in groups.items():
        if shape.model in SOLVED:
            yield from (_solved(recipe, data_of(recipe, data_dir), torch.device(device)) for recipe in members)
            continue
        trainer = _Trainer(shape, members, torch.device(device), data_dir, dtype)
        yield from trainer.run(trainer.best_size() if fleet == "auto" else min(fleet, len(members)))


class _Trainer:
    """Recipes of one shape, their data on the device, and the queue of those that wait for a place."""

    def __init__(
        self, shape: Recipe, recipes: Sequence[Recipe], device: torch.device, data_dir: Path | None, dtype: torch.dtype
    ) -> None:
        self.shape, self.recipes, self.device, self.dtype = shape, recipes, device, dtype
        keys = [(r.corruption, r.corruption_p, r.shift, r.severity, r.shift_on, r.seed) for r in recipes]
        distinct = list(dict.fromkeys(keys))
        self.pools = [data_of(recipes[keys.index(key)], data_dir) for key in distinct]
        self.pool_of = {recipe: distinct.index(key) for recipe, key in zip(recipes, keys, strict=True)}
        self.images = torch.stack([pool.train_images for pool in self.pools]).to(
            device
        )  # as they are: uint8 if they can
        self.labels = torch.stack([pool.train_labels for pool in self.pools]).to(device)
        self.mean, self.std = (
            torch.stack([getattr(pool, name) for pool in self.pools])[:, None, :, None, None].to(device, dtype)
            for name in ("mean", "std")
        )
        self.network = network_of(shape, self.pools[0]).to(device, dtype)
        self.initial: dict[int, State] = {}  # by seed, which alone decides it within a shape
        self.steps = len(self.labels[0]) // shape.batch_size

    # -- the fleet -----------------------------------------------------------------------------------------------------

    def run(self, size: int) -> Iterator[TrainedRun]:
        """Train every recipe with at most `size` side by side."""
        engine = self._engine(size)
        waiting = deque(self.recipes)
        runs: list[_Run] = []
        ended: list[int] = []
        while waiting or len(ended) < len(runs):
            keep = [index for index in range(len(runs)) if index not in ended]
            admitted = [self._admitted(waiting.popleft()) for _ in range(min(size - len(keep), len(waiting)))]
            if ended or admitted:
                engine.change(keep, [self._member(run) for run in admitted])
                runs = [runs[index] for index in keep] + admitted
            start = time.perf_counter()
            losses = self._epoch(engine, runs)
            stops = self._stops(engine, runs, losses)
            share = (time.perf_counter() - start) / len(runs)
            for run in runs:
                run.seconds += share
            ended = list(stops)
            for index, stopped in stops.items():
                yield self._result(runs[index], engine.state(index), stopped, size)

    def best_size(self) -> int:
        """The fleet size that would be done first, by a short timing of steps on this machine."""
        largest = min(len(self.recipes), FLEET_SIZES[-1])
        sizes = [*(size for size in FLEET_SIZES if size < largest), largest]
        runs = [self._admitted(recipe) for recipe in self.recipes[:largest]]
        seconds = {size: math.ceil(len(self.recipes) / size) * self._seconds_a_step(runs[:size]) for size in sizes}
        return min(sizes, key=seconds.__getitem__)

    def _seconds_a_step(self, runs: list[_Run]) -> float:
        engine = self._engine(len(runs))
        engine.change([], [self._member(run) for run in runs])
        batches = list(self._batches(runs))[: TIMED_STEPS + 1] * (TIMED_STEPS + 1)
        seconds = []
        for inputs, labels in batches[: TIMED_STEPS + 1]:
            start = time.perf_counter()
            float(engine.step(inputs, labels).sum())  # reading a number waits for the device
            seconds.append(time.perf_counter() - start)
        return min(seconds[1:])

    def _engine(self, size: int) -> Fleet:
        kind = PlainLoop if size == 1 else StackedFleet
        return kind(self.network, self.shape.optimizer, self.shape.momentum)

    def _admitted(self, recipe: Recipe) -> _Run:
        if recipe.seed not in self.initial:
            network = network_of(recipe, self.pools[self.pool_of[recipe]])
            self.initial[recipe.seed] = state_of(network.to(self.device, self.dtype))
        return _Run(recipe, self.pool_of[recipe], self.initial[recipe.seed], generator("order", recipe.seed))

    @staticmethod
    def _member(run: _Run) -> Member:
        return Member(run.initial, run.recipe.learning_rate, run.recipe.weight_decay)

    # -- an epoch ------------------------------------------------------------------------------------------------------

    def _batches(self, runs: Sequence[_Run]) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs [f, b, c, h, w] and labels [f, b] of an epoch, each member in an order of its own."""
        pools = torch.tensor([run.data for run in runs], device=self.device).unsqueeze(1)
        order = torch.stack([torch.randperm(len(self.labels[0]), generator=run.order) for run in runs]).to(self.device)
        for chosen in order.split(self.shape.batch_size, dim=1)[: self.steps]:
            yield self._inputs(pools, chosen), self.labels[pools, chosen]

    def _inputs(self, pools: Tensor, chosen: Tensor | slice) -> Tensor:
        """Normalised training inputs [f, b, c, h, w] of some pools [f, 1] at some indices [f, b]."""
        rows = pools.squeeze(1)
        images = self.images[rows, chosen] if isinstance(chosen, slice) else self.images[pools, chosen]
        return (images.to(self.dtype) - self.mean[rows]) / self.std[rows]

    def _epoch(self, engine: Fleet, runs: Sequence[_Run]) -> list[float]:
        """One epoch; the mean minibatch loss of each member."""
        total = torch.zeros(len(runs), device=self.device)
        for inputs, labels in self._batches(runs):
            total += engine.step(inputs, labels)
        for run in runs:
            run.epochs += 1
        return [float(loss) / self.steps for loss in total]

    def _stops(self, engine: Fleet, runs: Sequence[_Run], losses: Sequence[float]) -> dict[int, Stopped]:
        """Which members end here, and why."""
        stops: dict[int, Stopped] = {}
        close = []
        for index, (run, loss) in enumerate(zip(runs, losses, strict=True)):
            if not math.isfinite(loss):
                stops[index] = "diverged"
            elif loss <= CHECK_FACTOR * run.recipe.target_loss:
                close.append(index)
        if close:
            pools = torch.tensor([runs[index].data for index in close], device=self.device).unsqueeze(1)
            for index, loss in zip(close, self._train_losses(engine, close, pools), strict=True):
                if loss <= runs[index].recipe.target_loss:
                    stops[index] = "target"
        for index, run in enumerate(runs):
            if run.epochs >= run.recipe.max_epochs:
                stops.setdefault(index, "epochs")
        return stops

    def _train_losses(self, engine: Fleet, members: Sequence[int], pools: Tensor) -> list[float]:
        """Training cross-entropy of some members in eval mode."""
        total = torch.zeros(len(members), dtype=torch.float64, device=self.device)
        for start in range(0, self.labels.shape[1], EVALUATION_CHUNK):
            chunk = slice(start, start + EVALUATION_CHUNK)
            labels = self.labels[pools.squeeze(1), chunk]
            logits = engine.logits(members, self._inputs(pools, chunk)).flatten(0, 1)
            total += functional.cross_entropy(logits, labels.flatten(), reduction="none").view(labels.shape).sum(1)
        return [float(loss) / self.labels.shape[1] for loss in total]

    # -- the result ----------------------------------------------------------------------------------------------------

    def _result(self, run: _Run, state: State, stopped: Stopped, size: int) -> TrainedRun:
        load_state(self.network, state)
        data = self.pools[run.data]
        record = record_of(
            self.network,
            data,
            stopped,
            epochs=run.epochs,
            steps=run.epochs * self.steps,
            seconds=run.seconds,
            fleet=size,
        )
        return TrainedRun(run.recipe, record, _on_cpu(run.initial), _on_cpu(state))


def _solved(recipe: Recipe, data: PreparedData, device: torch.device) -> TrainedRun:
    """The run of a recipe in closed form."""
    start = time.perf_counter()
    network = unsolved(recipe, normalised(data.train_images, data), data.num_classes).to(device)
    initial = state_of(network)
    solve(network, recipe, normalised(data.train_images, data).to(device), data.train_labels.to(device))
    seconds = time.perf_counter() - start
    record = record_of(network, data, "solved", epochs=0, steps=0, seconds=seconds, fleet=1)
    return TrainedRun(recipe, record, _on_cpu(initial), _on_cpu(state_of(network)))


def _on_cpu(state: State) -> State:
    return {name: value.cpu() for name, value in state.items()}
