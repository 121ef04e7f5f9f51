"""Members of a fleet: jobs, runs in training, and the rounds of training between which weights are pruned."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from zoo.corruptions import PreparedData
from zoo.errors import RecipeError
from zoo.models.build import build
from zoo.recipe import Recipe
from zoo.seeds import generator, seed_for
from zoo.training.data_order import EpochOrders
from zoo.training.engines.stacked_fleet import Member, State, state_of
from zoo.training.gradient_rules import GradientRules
from zoo.training.objectives import Objective, class_scales
from zoo.training.record import CurvePoint, Snapshot, Stopped
from zoo.training.schedules import factor
from zoo.training.sparsity import Masks, magnitude_mask, masked, random_mask


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Job:
    """One network to train.

    Attributes:
        recipe: what is trained; its pretraining, source and teacher are already in the other attributes.
        data: what it is trained and tested on.
        start: weights to start from, by name; those of the recipe's own initialization where there are none.
        start_sha256: digest of the file that the start was read from; none if None.
        targets: probabilities [n, k] to learn in place of the labels; none if None.
    """

    recipe: Recipe
    data: PreparedData
    start: State = field(default_factory=dict)
    start_sha256: str | None = None
    targets: Tensor | None = None


@dataclass(slots=True, kw_only=True)
class Run:
    """A network in training.

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
        """The recipe that is trained."""
        return self.job.recipe

    @property
    def rate(self) -> float:
        """The learning rate of this epoch."""
        return self.recipe.learning_rate * factor(self.recipe.schedule, self.clock, self.recipe.max_epochs)


class Entrance:
    """Turns jobs of one shape into members of a fleet.

    Args:
        shape: what they share, see `zoo.training.train.shape_of`.
        data: data of the shape.
        device: where they are trained.
        dtype: of parameters and computation.
    """

    def __init__(self, shape: Recipe, data: PreparedData, device: torch.device, dtype: torch.dtype) -> None:
        self._device, self._dtype = device, dtype
        self._initial: dict[int, State] = {}  # by seed, which alone decides it within a shape
        self.network = self._network(shape, data)

    def admitted(self, job: Job, pool: int) -> Run:
        """Start a job whose data set has this index."""
        recipe = job.recipe
        if recipe.initial_seed not in self._initial:
            self._initial[recipe.initial_seed] = state_of(self._network(recipe, job.data))
        fresh = self._initial[recipe.initial_seed]
        start = {name: _fitting(job.start.get(name), value) for name, value in fresh.items()}
        masks = None
        if recipe.sparsity:
            masks = random_mask(self._parameters(start), recipe.sparsity, generator("sparsity", recipe.seed))
            start = masked(start, masks)
        streams = {name: generator(name, recipe.seed) for name in ("augmentation", "label_resampling")}
        noise = torch.Generator(self._device).manual_seed(seed_for("gradient_noise", recipe.seed))
        scales = None
        if recipe.vector_scaling:
            scales = class_scales(job.data.train_labels, job.data.num_classes, recipe.vector_scaling)
        return Run(
            job=job,
            pool=pool,
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

    def restarted(self, run: Run) -> Run:
        """Start the job of a run again."""
        fresh = self.admitted(run.job, run.pool)
        fresh.seconds = run.seconds
        return fresh

    def member(self, run: Run) -> Member:
        """State, optimizer settings, objective and gradient rules of a run, as a fleet takes them."""
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
                noise_scale=0.0 if recipe.noise_batch else recipe.noise_scale,  # that one is in the loss
                noise_tail=recipe.noise_tail,
                noise=run.noise,
                clip_norm=recipe.clip_norm,
            ),
        )

    def further(self, run: Run, state: State, stopped: Stopped) -> Run | None:
        """Prune a run and start its next round; None if it has no further round."""
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

    def _network(self, recipe: Recipe, data: PreparedData) -> nn.Module:
        channels, height, width = data.train_images.shape[1:]
        seed = seed_for("initialization", recipe.initial_seed)
        return build(recipe, (channels, height, width), data.num_classes, seed).to(self._device, self._dtype)

    def _parameters(self, state: State) -> State:
        return {name: state[name] for name, _ in self.network.named_parameters()}

    def _trained(self, run: Run) -> Masks | None:
        """True where a parameter is trained; None where all are."""
        recipe = run.recipe
        if not recipe.tuned_layers and not recipe.frozen_layers and run.masks is None:
            return None
        names = [name for name, _ in self.network.named_parameters()]
        kept = kept_parameters(recipe, names)
        masks = {}
        for name in names:
            mask = None if run.masks is None else run.masks.get(name)
            if name in kept:
                mask = torch.zeros(run.start[name].shape, dtype=torch.bool)
            if mask is not None:
                masks[name] = mask.to(self._device)
        return masks


def kept_parameters(recipe: Recipe, names: Sequence[str]) -> frozenset[str]:
    """Return the parameters that a recipe does not train: all but `tuned_layers`, or `frozen_layers`.

    Args:
        recipe: what is trained.
        names: of the parameters of its network.

    Raises:
        RecipeError: a layer that the network does not have, or nothing that is trained.
    """
    for field_name in ("tuned_layers", "frozen_layers"):
        layers = getattr(recipe, field_name)
        if unknown := [layer for layer in layers if not any(name.startswith(layer) for name in names)]:
            modules = ", ".join(dict.fromkeys(name.rpartition(".")[0] for name in names))
            raise RecipeError(f"{field_name} must name modules of the network; got {unknown[0]!r}. It has {modules}.")
    tuned, frozen = recipe.tuned_layers, recipe.frozen_layers
    kept = {name for name in names if (tuned and not name.startswith(tuned)) or (frozen and name.startswith(frozen))}
    if frozen and len(kept) == len(names):
        raise RecipeError(f"frozen_layers must leave something to train; got {frozen}, which is the whole network.")
    return frozenset(kept)


def _fitting(given: Tensor | None, fresh: Tensor) -> Tensor:
    """A given tensor, or the fresh one where there is none of its shape, as for a head of other classes."""
    return fresh if given is None or given.shape != fresh.shape else given.to(fresh)
