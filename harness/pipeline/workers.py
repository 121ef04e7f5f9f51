"""What a worker does, wherever it runs: train a fleet, or score a network. Plain values in, plain values out."""

import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

import torch
from torch import nn

from harness.held_out import KEY
from harness.pipeline.subject_inputs import refit_by, trajectory_of
from harness.pipeline.tasks import ObserveTask, ScoreTask, TrainTask
from harness.sandbox.plugins import Retraining, scored_apart
from harness.sandbox.submission import Parts
from harness.store.timing_cache import ChoicesOnDisk, cache_folder
from harness.store.weights import PackedRun, WeightFile, pack, snapshots_in
from measures import Score, Subject
from measures.registry import catalog, select
from measures.scoring import score_subject
from measures.training_history import Refit
from zoo.corruptions import PreparedData
from zoo.observations.observed import Observed, Trained, require_observations
from zoo.recipe import SOLVED, Recipe
from zoo.seeds import seed_for
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.record import normalised
from zoo.training.train import data_of, network_of, train

TIME_LIMIT: Final = 300.0  # seconds for one measure of one network; far above what any measure of the catalogue takes
REFIT_LIMIT: Final = 3600.0  # seconds for a measure that trains networks anew
SUITE: Final = "suite"  # of the provenance of each network
PACKAGES: Final = ("gapbench", "torch", "torchvision", "timm", "numpy", "scipy")


def train_fleet(task: TrainTask) -> Iterator[PackedRun]:
    """Train the recipes of a task; runs come back in the order in which they end."""
    recipes = [Recipe.from_changed(changed) for changed in task.recipes]
    made_for: dict[str, Any] = {SUITE: task.suite, KEY: dict(task.held_out)}
    about = {**provenance(task.device), **{key: value for key, value in made_for.items() if value}}
    runs = train(
        recipes,
        device=task.device,
        fleet=task.fleet,
        data_dir=task.data_dir,
        mode=task.mode,
        precision=task.precision,
        remembered=ChoicesOnDisk(cache_folder()),
    )
    for run in runs:
        yield pack(run, about)


def score_network(task: ScoreTask) -> Iterator[tuple[str, dict[str, Score]]]:
    """Score one network: its run_id and a score for each name."""
    chosen = select(task.names, catalog())
    trained = Recipe.from_changed(task.recipe).model not in SOLVED
    scores: dict[str, Score] = {}
    for trains_anew in (False, True):
        named = [measure for measure in chosen if ("refit" in measure.needs) == trains_anew]
        if named:
            subject = subject_of(task, trains_anew=trains_anew and trained)
            scores |= score_subject(subject, named, time_limit=REFIT_LIMIT if trains_anew else TIME_LIMIT)
    if task.commissions:
        parts, retraining = parts_of(task), Retraining(_refit_of(task) if trained else None, REFIT_LIMIT)
        for commission in task.commissions:
            scores |= scored_apart(commission, parts, TIME_LIMIT, retraining)
    yield task.run_id, scores


def observe_network(task: ObserveTask) -> Iterator[tuple[str, dict[str, Observed]]]:
    """Observe one network: its run_id and what was observed, by observation."""
    recipe = Recipe.from_changed(task.recipe)
    data = data_of(recipe, task.data_dir)
    observed = {}
    for observation in require_observations(task.names):
        trained = Trained(
            recipe=recipe,
            data=data,
            network=_loaded(recipe, data, task.final, task.device).eval(),
            snapshots=[] if task.trajectory is None else snapshots_in(task.trajectory),
            data_of=lambda other: data_of(other, task.data_dir),
        )
        observed[observation.name] = observation(trained)
    yield task.run_id, observed


def subject_of(task: ScoreTask, *, trains_anew: bool = False) -> Subject:
    """What the measures may see of a network: training data, test inputs without labels, no recipe and no gap.

    Only with `trains_anew` can it train networks, which takes the recipe: no other measure is near one.
    """
    parts = parts_of(task)
    return Subject(
        parts.model,
        parts.inputs,
        parts.labels,
        init_state=parts.init_state,
        twin=parts.twin,
        unlabeled=parts.unlabeled,
        trajectory=parts.trajectory,
        refit=_refit_of(task) if trains_anew else None,
        seed=parts.seed,
    )


def parts_of(task: ScoreTask) -> Parts:
    """What a subject of this network is built of."""
    recipe = Recipe.from_changed(task.recipe)
    data = data_of(recipe, task.data_dir)
    return Parts(
        model=_loaded(recipe, data, task.final, task.device),
        inputs=normalised(data.train_images, data),
        labels=data.train_labels.clone(),  # the data are kept for the next network, and a measure might write into them
        init_state=task.initial.state(),
        twin=None if task.twin is None else _loaded(recipe, data, task.twin, task.device),
        unlabeled=normalised(data.test_images, data),
        trajectory=trajectory_of(task, recipe),
        seed=seed_for("scores"),  # common random numbers: networks of one shape differ by weights, not by draws
    )


def _refit_of(task: ScoreTask) -> Refit:
    recipe = Recipe.from_changed(task.recipe)
    return refit_by(recipe, data_of(recipe, task.data_dir), task)


def _loaded(recipe: Recipe, data: PreparedData, weights: WeightFile, device: str) -> nn.Module:
    network = network_of(recipe, data)
    load_state(network, weights.state())
    return network.to(device)


def provenance(device: str) -> Mapping[str, Any]:
    """Versions, processor and threads: what a number may depend on beside its recipe."""
    return {
        "versions": {package: version(package) for package in PACKAGES} | {"python": platform.python_version()},
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else f"cpu {platform.machine()}",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }
