"""Functions of the workers: train a fleet, observe a network, score a network."""

from collections.abc import Iterator
from typing import Final

from torch import nn

from harness.pipeline.subject_inputs import make_refit, trajectory_of
from harness.pipeline.tasks import ObserveTask, ScoreTask, TrainTask
from harness.sandbox.plugins import Retraining, score_commission
from harness.sandbox.submission import Parts
from harness.store.provenance import HELD_OUT, SUITE, provenance
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


def train_fleet(task: TrainTask) -> Iterator[PackedRun]:
    """Train the recipes of a task; yields runs in the order in which they end."""
    options = task.options
    suite_and_secret = {SUITE: options.suite_and_size, HELD_OUT: dict(task.held_out)}
    stored = {**provenance(options.device), **{key: value for key, value in suite_and_secret.items() if value}}
    runs = train(
        task.recipes,
        device=options.device,
        fleet=options.fleet,
        data_dir=options.data_dir,
        mode=options.mode,
        precision=options.precision,
        remembered=ChoicesOnDisk(cache_folder()),
    )
    for run in runs:
        yield pack(run, stored)


def score_network(task: ScoreTask) -> Iterator[tuple[str, dict[str, Score]]]:
    """Score one network; yields its run_id and a score for each name."""
    chosen = select(task.names, catalog())
    trained = task.recipe.model not in SOLVED
    scores: dict[str, Score] = {}
    for retrains in (False, True):
        selected = [measure for measure in chosen if ("refit" in measure.needs) == retrains]
        if selected:
            subject = subject_of(task, with_refit=retrains and trained)
            scores |= score_subject(subject, selected, time_limit=REFIT_LIMIT if retrains else TIME_LIMIT)
    if task.commissions:
        parts, retraining = parts_of(task), Retraining(_refit_of(task) if trained else None, REFIT_LIMIT)
        for commission in task.commissions:
            scores |= score_commission(commission, parts, TIME_LIMIT, retraining)
    yield task.run_id, scores


def observe_network(task: ObserveTask) -> Iterator[tuple[str, dict[str, Observed]]]:
    """Observe one network; yields its run_id and the results by observation."""
    data_dir = task.options.data_dir
    data = data_of(task.recipe, data_dir)
    observed = {}
    for observation in require_observations(task.names):
        trained = Trained(
            recipe=task.recipe,
            data=data,
            network=_load(task.recipe, data, task.final, task.options.device).eval(),
            snapshots=[] if task.trajectory is None else snapshots_in(task.trajectory),
            data_of=lambda other: data_of(other, data_dir),
        )
        observed[observation.name] = observation(trained)
    yield task.run_id, observed


def subject_of(task: ScoreTask, *, with_refit: bool = False) -> Subject:
    """Build the subject of a network: training data and test inputs without labels, no recipe and no gap.

    Only with `with_refit` can measures train networks: that takes the recipe, which no other measure may reach.
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
        refit=_refit_of(task) if with_refit else None,
        seed=parts.seed,
    )


def parts_of(task: ScoreTask) -> Parts:
    """Load what the subject of a network is built from."""
    recipe, device = task.recipe, task.options.device
    data = data_of(recipe, task.options.data_dir)
    return Parts(
        model=_load(recipe, data, task.final, device),
        inputs=normalised(data.train_images, data),
        labels=data.train_labels.clone(),  # the data are kept for the next network, and a measure might write into them
        init_state=task.initial.state(),
        twin=None if task.twin is None else _load(recipe, data, task.twin, device),
        unlabeled=normalised(data.unlabeled_images, data),
        trajectory=trajectory_of(task),
        seed=seed_for("scores"),  # common random numbers: networks of one shape differ by weights, not by draws
    )


def _refit_of(task: ScoreTask) -> Refit:
    return make_refit(task, data_of(task.recipe, task.options.data_dir))


def _load(recipe: Recipe, data: PreparedData, weights: WeightFile, device: str) -> nn.Module:
    network = network_of(recipe, data)
    load_state(network, weights.state())
    return network.to(device)
