"""One fleet at work: recipes of one shape, their data on the device, and the queue of those that wait for a place."""

import itertools
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn

from zoo.augmentation import augmented
from zoo.corruptions import PreparedData
from zoo.corruptions.labels import resampled
from zoo.data_order import EpochOrders
from zoo.fleet import Batch, Fleet, Member, StackedFleet, State, load_state, state_of
from zoo.gradient_rules import GradientRules
from zoo.models import build
from zoo.objectives import Objective, class_scales, fit
from zoo.plain_loop import PlainLoop
from zoo.recipe import Recipe
from zoo.record import EVALUATION_CHUNK, CurvePoint, Snapshot, Stopped, TrainedRun, curve_point, record_of
from zoo.schedules import factor
from zoo.seeds import generator, seed_for
from zoo.sparsity import Masks, magnitude_mask, masked, random_mask

CHECK_FACTOR: Final = 4.0  # the mean over an epoch lags behind its end; a wider net only costs evaluations
FLEET_SIZES: Final = (1, 2, 4, 8, 16, 32)  # what the timing tries
TIMED_STEPS: Final = 3
GREY_LEVELS: Final = 255.0


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Job:
    """One network to train.

    Attributes:
        recipe: what is trained; its pretraining, source and teacher are already in the other attributes.
        data: what it is trained and tested on.
        start: weights to start from, by name; those of the recipe's own initialization where there are none.
        targets: probabilities [n, k] to learn in place of the labels; none if None.
    """

    recipe: Recipe
    data: PreparedData
    start: State = field(default_factory=dict)
    targets: Tensor | None = None


@dataclass(slots=True, kw_only=True)
class _Run:
    """One member under training.

    Attributes:
        pool: which of the data sets is its own.
        initial: where training began; `start`: where this round began.
        clock: the epoch in which this round of training is; `epochs` counts those of all rounds.
        rewound: the state at `rewind_epoch`, once it is there.
    """

    job: Job
    pool: int
    initial: State
    start: State
    masks: Masks | None
    order: EpochOrders
    augmentation: torch.Generator
    labels: torch.Generator
    noise: torch.Generator
    scales: Tensor | None
    round: int = 0
    clock: int = 0
    epochs: int = 0
    rewound: State | None = None
    losses: list[float] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def recipe(self) -> Recipe:
        return self.job.recipe

    @property
    def rate(self) -> float:
        return self.recipe.learning_rate * factor(self.recipe.schedule, self.clock, self.recipe.max_epochs)


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
        self.shape, self.jobs, self.device, self.dtype = shape, jobs, device, dtype
        keys = [(id(job.data), id(job.targets)) for job in jobs]
        distinct = list(dict.fromkeys(keys))
        owners = [jobs[keys.index(key)] for key in distinct]
        self.pools = [job.data for job in owners]
        self.pool_of = {id(job): distinct.index(key) for job, key in zip(jobs, keys, strict=True)}
        self.images = torch.stack([pool.train_images for pool in self.pools]).to(device)  # uint8 if they can
        self.labels = torch.stack([pool.train_labels for pool in self.pools]).to(device)
        self.targets = None
        targets = [job.targets for job in owners if job.targets is not None]
        if targets:
            self.targets = torch.stack(targets).to(device, dtype)
        self.mean, self.std = (
            torch.stack([getattr(pool, name) for pool in self.pools])[:, None, :, None, None].to(device, dtype)
            for name in ("mean", "std")
        )
        self.network = self._network(shape, self.pools[0])
        self.initial: dict[int, State] = {}  # by seed, which alone decides it within a shape
        self.steps = len(self.labels[0]) // shape.batch_size

    # -- the fleet -----------------------------------------------------------------------------------------------------

    def run(self, size: int) -> Iterator[TrainedRun]:
        """Train every job with at most `size` side by side; a fleet that does not fit the device goes on at half."""
        waiting: deque[_Run | Job] = deque(self.jobs)
        while True:
            runs: list[_Run] = []
            try:
                yield from self._run(size, waiting, runs)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size //= 2
                waiting.extendleft(reversed([self._restarted(run) for run in runs]))
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
            else:
                return

    def _run(self, size: int, waiting: deque[_Run | Job], runs: list[_Run]) -> Iterator[TrainedRun]:
        """Train what waits; `runs` always holds the members that are at work."""
        engine = self._engine(size)
        ended: list[int] = []
        while waiting or len(ended) < len(runs):
            keep = [index for index in range(len(runs)) if index not in ended]
            following = list(itertools.islice(waiting, size - len(keep)))
            admitted = [item if isinstance(item, _Run) else self._admitted(item) for item in following]
            changed = bool(ended or admitted)
            runs[:] = [runs[index] for index in keep] + admitted
            for _ in following:
                waiting.popleft()
            if changed:
                engine.change(keep, [self._member(run) for run in admitted])
            start = time.perf_counter()
            losses = self._epoch(engine, runs)
            stops = self._stops(engine, runs, losses)
            self._keep(engine, runs)
            share = (time.perf_counter() - start) / len(runs)
            for run in runs:
                run.seconds += share
            ended = list(stops)
            for index, stopped in stops.items():
                state = engine.state(index)
                if (further := self._further(runs[index], state, stopped)) is not None:
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

    def _seconds_a_step(self, runs: list[_Run]) -> float:
        engine = self._engine(len(runs))
        engine.change([], [self._member(run) for run in runs])
        batches = list(itertools.islice(self._batches(engine, runs), TIMED_STEPS + 1)) * (TIMED_STEPS + 1)
        seconds = []
        for batch in batches[: TIMED_STEPS + 1]:
            start = time.perf_counter()
            float(engine.step(batch).sum())  # reading a number waits for the device
            seconds.append(time.perf_counter() - start)
        return min(seconds[1:])

    def _engine(self, size: int) -> Fleet:
        kind = PlainLoop if size == 1 else StackedFleet
        return kind(self.network, self.shape.optimizer)

    def _network(self, recipe: Recipe, data: PreparedData) -> nn.Module:
        channels, height, width = data.train_images.shape[1:]
        seed = seed_for("initialization", recipe.seed)
        return build(recipe, (channels, height, width), data.num_classes, seed).to(self.device, self.dtype)

    # -- a member ------------------------------------------------------------------------------------------------------

    def _admitted(self, job: Job) -> _Run:
        recipe = job.recipe
        if recipe.seed not in self.initial:
            self.initial[recipe.seed] = state_of(self._network(recipe, job.data))
        fresh = self.initial[recipe.seed]
        start = {name: _fitting(job.start.get(name), value) for name, value in fresh.items()}
        masks = None
        if recipe.sparsity:
            masks = random_mask(self._parameters(start), recipe.sparsity, generator("sparsity", recipe.seed))
            start = masked(start, masks)
        streams = {name: generator(name, recipe.seed) for name in ("augmentation", "label_resampling")}
        noise = torch.Generator(self.device).manual_seed(seed_for("gradient_noise", recipe.seed))
        scales = None
        if recipe.vector_scaling:
            scales = class_scales(job.data.train_labels, job.data.num_classes, recipe.vector_scaling)
        return _Run(
            job=job,
            pool=self.pool_of[id(job)],
            initial=start,
            start=start,
            masks=masks,
            order=EpochOrders(recipe.data_order, job.data.train_labels, generator("order", recipe.seed)),
            augmentation=streams["augmentation"],
            labels=streams["label_resampling"],
            noise=noise,
            scales=scales,
            rewound=start if recipe.rewind_epoch == 0 else None,
        )

    def _restarted(self, run: _Run) -> _Run:
        """The same member from its very beginning."""
        fresh = self._admitted(run.job)
        fresh.seconds = run.seconds
        return fresh

    def _member(self, run: _Run) -> Member:
        recipe = run.recipe
        return Member(
            state=run.start,
            learning_rate=run.rate,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            objective=Objective(
                loss=recipe.loss,
                label_smoothing=recipe.label_smoothing,
                spectral_decoupling=recipe.spectral_decoupling,
                logit_scale=run.scales,
            ),
            rules=GradientRules(
                mask=self._trained(run),
                noise_scale=recipe.noise_scale,
                noise_tail=recipe.noise_tail,
                noise=run.noise,
                clip_norm=recipe.clip_norm,
            ),
        )

    def _parameters(self, state: State) -> State:
        return {name: state[name] for name, _ in self.network.named_parameters()}

    def _trained(self, run: _Run) -> Masks | None:
        """True where a parameter is trained; None where all are."""
        tuned = run.recipe.tuned_layers
        if not tuned and run.masks is None:
            return None
        names = [name for name, _ in self.network.named_parameters()]
        if unknown := [layer for layer in tuned if not any(name.startswith(layer) for name in names)]:
            modules = ", ".join(dict.fromkeys(name.rpartition(".")[0] for name in names))
            raise ValueError(f"tuned_layers must name modules of the network; got {unknown[0]!r}. It has {modules}.")
        masks = {}
        for name in names:
            mask = None if run.masks is None else run.masks.get(name)
            if tuned and not name.startswith(tuned):
                mask = torch.zeros(run.start[name].shape, dtype=torch.bool)
            if mask is not None:
                masks[name] = mask.to(self.device)
        return masks

    def _further(self, run: _Run, state: State, stopped: Stopped) -> _Run | None:
        """The next round of a member that is to be pruned, or None where it is done."""
        recipe = run.recipe
        if recipe.prune == 0 or run.round == recipe.prune_rounds or stopped == "diverged":
            return None
        density = (1 - recipe.prune) ** ((run.round + 1) / recipe.prune_rounds)
        run.masks = magnitude_mask(self._parameters(state), run.masks, density * (1 - recipe.sparsity))
        back = run.rewound if recipe.rewind == "weights" and run.rewound is not None else state
        run.start = masked(back, run.masks)
        run.round += 1
        run.clock = recipe.rewind_epoch
        return run

    # -- an epoch ------------------------------------------------------------------------------------------------------

    def _batches(self, engine: Fleet, runs: Sequence[_Run]) -> Iterator[Batch]:
        """The steps of an epoch, each member's examples in an order of its own."""
        pools = torch.tensor([run.pool for run in runs], device=self.device).unsqueeze(1)
        order = torch.stack([run.order.next() for run in runs]).to(self.device)
        rates = torch.tensor([run.recipe.label_resampling for run in runs])
        kinds = [run.recipe.augmentation for run in runs]
        for chosen in order.split(self.shape.batch_size, dim=1)[: self.steps]:
            labels = self.labels[pools, chosen]
            if rates.any():
                labels = resampled(labels, rates, self.pools[0].num_classes, [run.labels for run in runs])
            inputs = augmented(self._inputs(pools, chosen), kinds, [run.augmentation for run in runs])
            targets = None if self.targets is None else self.targets[pools, chosen]
            batch = Batch(inputs=inputs, labels=labels, targets=targets)
            if self.shape.adversarial_radius:
                radius = self.shape.adversarial_radius / self.std[pools.squeeze(1)]
                moved = engine.attacked(batch, radius, self.shape.adversarial_steps)
                batch = Batch(inputs=moved, labels=labels, targets=targets)
            yield batch

    def _inputs(self, pools: Tensor, chosen: Tensor | slice) -> Tensor:
        """Normalised training inputs [f, b, c, h, w] of some pools [f, 1] at some indices [f, b]."""
        rows = pools.squeeze(1)
        images = self.images[rows, chosen] if isinstance(chosen, slice) else self.images[pools, chosen]
        return (images.to(self.dtype) - self.mean[rows]) / self.std[rows]

    def _epoch(self, engine: Fleet, runs: Sequence[_Run]) -> list[float]:
        """One epoch; the mean minibatch loss of each member."""
        engine.set_rates([run.rate for run in runs])
        total = torch.zeros(len(runs), device=self.device)
        for batch in self._batches(engine, runs):
            total += engine.step(batch)
        losses = [float(loss) / self.steps for loss in total]
        for run, loss in zip(runs, losses, strict=True):
            run.epochs += 1
            run.clock += 1
            run.losses.append(loss)
        return losses

    def _stops(self, engine: Fleet, runs: Sequence[_Run], losses: Sequence[float]) -> dict[int, Stopped]:
        """Which members end this round here, and why."""
        stops: dict[int, Stopped] = {}
        close = []
        for index, (run, loss) in enumerate(zip(runs, losses, strict=True)):
            if not math.isfinite(loss):
                stops[index] = "diverged"
            elif loss <= CHECK_FACTOR * run.recipe.target_loss or (run.recipe.target_loss and self._penalised(run)):
                close.append(index)
        if close:
            pools = torch.tensor([runs[index].pool for index in close], device=self.device).unsqueeze(1)
            for index, loss in zip(close, self._train_losses(engine, close, pools), strict=True):
                if loss <= runs[index].recipe.target_loss:
                    stops[index] = "target"
        for index, run in enumerate(runs):
            if run.clock >= run.recipe.max_epochs:
                stops.setdefault(index, "epochs")
        return stops

    @staticmethod
    def _penalised(run: _Run) -> bool:
        """Whether the loss of a step may stay far above that of the stopping rule, which is then asked every epoch."""
        r = run.recipe
        penalties = (r.label_smoothing, r.spectral_decoupling, r.vector_scaling, r.dropout, r.label_resampling)
        return any(penalties) or r.augmentation != "none" or r.adversarial_radius > 0 or r.teacher is not None

    def _train_losses(self, engine: Fleet, members: Sequence[int], pools: Tensor) -> list[float]:
        """Training loss of some members in eval mode, without penalties."""
        total = torch.zeros(len(members), dtype=torch.float64, device=self.device)
        for start in range(0, self.labels.shape[1], EVALUATION_CHUNK):
            chunk = slice(start, start + EVALUATION_CHUNK)
            labels = self.labels[pools.squeeze(1), chunk]
            total += fit(engine.logits(members, self._inputs(pools, chunk)), labels, self.shape.loss).sum(1)
        return [float(loss) / self.labels.shape[1] for loss in total]

    def _keep(self, engine: Fleet, runs: Sequence[_Run]) -> None:
        """Checkpoints, and the state to which pruning goes back."""
        for index, run in enumerate(runs):
            if run.recipe.prune and run.rewound is None and run.epochs == run.recipe.rewind_epoch:
                run.rewound = engine.state(index)
            if run.recipe.checkpoints == "doubling" and run.epochs & (run.epochs - 1) == 0:
                state = engine.state(index)
                load_state(self.network, state) if not isinstance(engine, PlainLoop) else None
                run.curve.append(curve_point(self.network, self.pools[run.pool], run.epochs))
                run.snapshots.append(Snapshot(run.epochs, run.epochs * self.steps, on_cpu(state)))

    # -- the result ----------------------------------------------------------------------------------------------------

    def _result(self, run: _Run, state: State, stopped: Stopped, size: int) -> TrainedRun:
        load_state(self.network, state)
        record = record_of(
            self.network,
            self.pools[run.pool],
            stopped,
            epochs=run.epochs,
            steps=run.epochs * self.steps,
            seconds=run.seconds,
            fleet=size,
            losses=run.losses,
            curve=run.curve,
        )
        return TrainedRun(run.recipe, record, on_cpu(run.initial), on_cpu(state), tuple(run.snapshots))


def on_cpu(state: State) -> State:
    """A state on the CPU."""
    return {name: value.cpu() for name, value in state.items()}


def _fitting(given: Tensor | None, fresh: Tensor) -> Tensor:
    """A given tensor, or the fresh one where there is none of its shape, as for a head of other classes."""
    return fresh if given is None or given.shape != fresh.shape else given.to(fresh)
