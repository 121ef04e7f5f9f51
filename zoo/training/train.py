"""Train recipes, those of one shape together in a fleet, and yield each run as soon as it ends.

An epoch visits every training example once in an order drawn for each member. When an epoch's mean minibatch loss has
come within `zoo.training.stopping.CHECK_FACTOR` of the target, the training loss of the member is computed in eval mode
over all its training examples; at or below the target the member leaves the fleet and the next recipe takes its place.

The pretraining on random labels, the source and the teacher of a recipe are trained first, each once for all recipes
that share it.
"""

import dataclasses
import functools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from zoo.corruptions import DataSpec, PreparedData, prepare
from zoo.corruptions.erased import erased_copies
from zoo.data.datasets import load
from zoo.errors import EngineError
from zoo.models.build import build
from zoo.models.closed_form import solve, unsolved
from zoo.models.pretrained import Pretrained, load_pretrained
from zoo.recipe import TRAITS, Recipe
from zoo.recipe_fields import SOLVED
from zoo.seeds import generator, seed_for
from zoo.training.engines.modes import Mode, require_mode
from zoo.training.engines.precision import Precision
from zoo.training.engines.stacked_fleet import State, load_state, state_of
from zoo.training.engines.timing import Auto, Forgetful, Remembered
from zoo.training.member import Job
from zoo.training.portions import portions
from zoo.training.record import EVALUATION_CHUNK, TrainedRun, normalised, record_of
from zoo.training.trainer import Trainer, on_cpu

KEPT_DATA: Final = 8  # prepared data sets; CIFAR-10 takes seconds to prepare and 0.2 GB to keep

SHARED: Final = tuple(name for name, traits in TRAITS.items() if traits.shared)
PRETRAINING: Final = tuple(name for name, traits in TRAITS.items() if traits.pretraining)

Size = int | Auto


def shape_of(recipe: Recipe) -> Recipe:
    """The part of a recipe that networks of one fleet share; all other fields have their defaults."""
    return Recipe(**{name: getattr(recipe, name) for name in SHARED})


def network_of(recipe: Recipe, data: PreparedData) -> nn.Module:
    """Build the network of a recipe at initialization; one that is solved has output coefficients of zero."""
    if recipe.model in SOLVED:
        return unsolved(recipe, normalised(data.train_images, data), data.num_classes)
    channels, height, width = data.train_images.shape[1:]
    return build(recipe, (channels, height, width), data.num_classes, seed_for("initialization", recipe.initial_seed))


def data_of(recipe: Recipe, data_dir: Path | None = None) -> PreparedData:
    """The training and test data of a recipe, on the CPU; the last few are kept, never write into them.

    Raises:
        UnknownDatasetError, DatasetError: see `zoo.data.datasets.load`.
        RecipeError: a train size that the data set does not have.
    """
    return _prepared(recipe.dataset, data_dir, recipe.data)


@functools.lru_cache(maxsize=KEPT_DATA)
def _prepared(dataset: str, data_dir: Path | None, spec: DataSpec) -> PreparedData:
    return prepare(load(dataset, data_dir), spec)


def train(
    recipes: Sequence[Recipe],
    *,
    device: torch.device | str = "cpu",
    fleet: Size = "auto",
    data_dir: Path | None = None,
    dtype: torch.dtype = torch.float32,
    mode: Mode | Auto = "auto",
    precision: Precision = "float32",
    remembered: Remembered | None = None,
) -> Iterator[TrainedRun]:
    """Train recipes, fleet by fleet, and yield each run as soon as it ends; those in closed form are solved.

    Args:
        recipes: in any order; those of one shape are trained together.
        device: where to train.
        fleet: networks to train at once; "auto" times a few sizes for each shape on this machine.
        data_dir: folder of data sets, for those that are not in the box.
        dtype: of parameters and computation; what is solved is always float64.
        mode: the engine, see `zoo.training.engines.modes.MODES`; "auto" times those that the device has.
        precision: of the matrix products of a training step.
        remembered: choices of earlier timings, so that a second training repeats them; none if None.

    Yields:
        Runs in the order in which they end. States lie on the CPU.

    Raises:
        RecipeError: a fleet below one, a mode that the device or the fleet does not allow, a model that does not fit
            the images, or a system that is singular.
        UnknownDatasetError, DatasetError: see `zoo.data.datasets.load`.
    """
    if fleet != "auto" and fleet < 1:
        raise EngineError(f"fleet must be at least 1 or 'auto'; got {fleet}.")
    if mode != "auto":
        require_mode(mode, torch.device(device), None if fleet == "auto" else fleet)
    groups: dict[tuple[Recipe, bool], list[Recipe]] = {}
    for recipe in recipes:
        groups.setdefault((shape_of(recipe), recipe.teacher is not None), []).append(recipe)
    workshop = _Workshop(torch.device(device), fleet, data_dir, dtype, mode, precision, remembered or Forgetful())
    for (shape, _), members in groups.items():
        if shape.model in SOLVED:
            yield from (_solved(recipe, data_of(recipe, data_dir), torch.device(device)) for recipe in members)
        else:
            images = data_of(members[0], data_dir).train_images
            for portion in portions(members, len(images), images[0].numel()):
                yield from workshop.trained(shape, workshop.jobs(portion))


@dataclasses.dataclass(frozen=True)
class _Workshop:
    """Trains recipes, and before them the recipes that they build on."""

    device: torch.device
    fleet: Size
    data_dir: Path | None
    dtype: torch.dtype
    mode: Mode | Auto
    precision: Precision
    remembered: Remembered

    def trained(self, shape: Recipe, jobs: Sequence[Job]) -> Iterator[TrainedRun]:
        """Train jobs of one shape, together those with one number of training images.

        An imbalanced subset has a few images more for one seed than for another.
        """
        by_size: dict[int, list[Job]] = {}
        for job in jobs:
            by_size.setdefault(len(job.data.train_labels), []).append(job)
        for own in by_size.values():
            trainer = Trainer(shape, own, self.device, self.dtype, self.precision)
            choice = trainer.choose(self.mode, self.fleet, self.remembered)
            yield from trainer.run(choice.size, choice.mode)

    def jobs(self, recipes: Sequence[Recipe]) -> list[Job]:
        """Jobs of recipes of one shape; the recipes that they build on are trained here."""
        needed = [other for r in recipes for other in (r.source, r.teacher) if other is not None]
        others = self._others(list(dict.fromkeys(needed)))
        pretrained = self._pretrained([recipe for recipe in recipes if recipe.pretrain_copies])
        jobs, targets = [], {}
        read = self._read(recipes[0])
        for recipe in recipes:
            data = data_of(recipe, self.data_dir)
            start = pretrained.get(recipe, read.state) if recipe.source is None else others[recipe.source]
            teacher = recipe.teacher
            if teacher is not None and (teacher, recipe.data) not in targets:
                targets[teacher, recipe.data] = self._targets(teacher, others[teacher], data)
            soft = None if teacher is None else targets[teacher, recipe.data]
            jobs.append(Job(recipe=recipe, data=data, start=start, start_sha256=read.sha256, targets=soft))
        return jobs

    def _read(self, recipe: Recipe) -> Pretrained:
        """The weights that networks of one shape start from; none where the recipe names no file."""
        if recipe.pretrained is None:
            return Pretrained({}, None)
        return load_pretrained(recipe, network_of(recipe, data_of(recipe, self.data_dir)))

    def _others(self, recipes: Sequence[Recipe]) -> dict[Recipe, State]:
        """The final states of other recipes."""
        runs = train(recipes, **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)})
        return {run.recipe: run.final for run in runs}

    def _pretrained(self, recipes: Sequence[Recipe]) -> dict[Recipe, State]:
        """For each recipe the state that has fitted copies of its images under random labels."""
        stages: dict[tuple[Recipe, int, float], list[Recipe]] = {}
        for recipe in recipes:
            own = {name: getattr(recipe, name) for name in PRETRAINING}
            stage = Recipe(**own, max_epochs=recipe.pretrain_epochs, target_loss=recipe.pretrain_target_loss)
            stages.setdefault((stage, recipe.pretrain_copies, recipe.pretrain_erasure), []).append(recipe)
        sets: dict[tuple[int, float], dict[Recipe, Job]] = {}
        for stage, copies, erasure in stages:
            data = _copied(data_of(stage, self.data_dir), copies, erasure, stage.seed)
            sets.setdefault((copies, erasure), {})[stage] = Job(recipe=stage, data=data)
        found = {}
        for (copies, erasure), jobs in sets.items():
            shape = shape_of(next(iter(jobs)))
            for run in self.trained(shape, list(jobs.values())):
                for recipe in stages[run.recipe, copies, erasure]:
                    found[recipe] = run.final
        return found

    def _targets(self, teacher: Recipe, state: State, data: PreparedData) -> Tensor:
        """Softmax [n, k] of a teacher on the training images."""
        network = network_of(teacher, data_of(teacher, self.data_dir)).to(self.device, self.dtype).eval()
        load_state(network, state)
        with torch.no_grad():
            chunks = normalised(data.train_images, data).to(self.device, self.dtype).split(EVALUATION_CHUNK)
            return torch.cat([network(x).softmax(1) for x in chunks]).cpu()


def _copied(data: PreparedData, copies: int, erasure: float, seed: int) -> PreparedData:
    """Copies of the training images, partly erased, each with a random label."""
    draw = generator("pretraining", seed)
    images = data.train_images
    many = erased_copies(images, copies, erasure, draw).tensor() if erasure else images.repeat(copies, 1, 1, 1)
    labels = torch.randint(data.num_classes, (len(many),), generator=draw)
    return dataclasses.replace(data, train_images=many, train_labels=labels)


def _solved(recipe: Recipe, data: PreparedData, device: torch.device) -> TrainedRun:
    """Solve a recipe in closed form."""
    start = time.perf_counter()
    network = unsolved(recipe, normalised(data.train_images, data), data.num_classes).to(device)
    initial = state_of(network)
    solve(network, recipe, normalised(data.train_images, data).to(device), data.train_labels.to(device))
    seconds = time.perf_counter() - start
    record = record_of(network, data, "solved", epochs=0, steps=0, seconds=seconds, fleet=1)
    return TrainedRun(recipe, record, on_cpu(initial), on_cpu(state_of(network)))
