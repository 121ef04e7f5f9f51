"""Functions of the workers: train a fleet, observe a network, score a network."""

from collections.abc import Iterator
from typing import Final

from harness.adopting.parts import StoredStates, build_adopted_parts
from harness.pipeline.subject_inputs import TrainedNetwork, build_parts, load_network, make_refit
from harness.pipeline.tasks import ObserveTask, ScoreTask, TrainTask
from harness.sandbox.plugins import Retraining, score_commission
from harness.sandbox.submission import Parts
from harness.store.adopted import AdoptedNetwork
from harness.store.provenance import HELD_OUT, SUITE, provenance
from harness.store.timing_cache import ChoicesOnDisk, cache_folder
from harness.store.weights import PackedRun, pack, snapshots_in
from measures import Score, Subject
from measures.registry import catalog, select
from measures.scoring import score_subject
from measures.training_history import Refit
from zoo.observations.observed import Observed, Trained, require_observations
from zoo.recipe import Recipe
from zoo.recipe_fields import SOLVED
from zoo.training.train import data_of, train

TIME_LIMIT: Final = 300.0  # seconds for one measure of one network; far above what any measure of the catalogue takes
REFIT_LIMIT: Final = 3600.0  # seconds for a measure that trains networks


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
    trained = isinstance(task.origin, Recipe) and task.origin.model not in SOLVED
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
            network=load_network(task.recipe, data, task.final.state(), task.options.device).eval(),
            snapshots=[] if task.trajectory is None else snapshots_in(task.trajectory),
            data_of=lambda other: data_of(other, data_dir),
        )
        observed[observation.name] = observation(trained)
    yield task.run_id, observed


def subject_of(task: ScoreTask, *, with_refit: bool = False) -> Subject:
    """Load the subject of a network.

    Only with `with_refit` can measures train networks: that takes the recipe, which no other measure may reach.
    """
    return parts_of(task).subject(refit=_refit_of(task) if with_refit else None)


def parts_of(task: ScoreTask) -> Parts:
    """Load what the subject of a network is built from."""
    initial, final = task.initial.state(), task.final.state()
    twin = None if task.twin is None else task.twin.state()
    snapshots = [] if task.trajectory is None else snapshots_in(task.trajectory)
    if isinstance(task.origin, AdoptedNetwork):
        states = StoredStates(
            initial=initial, final=final, twin=twin, snapshots=snapshots, losses=task.losses, steps=task.steps
        )
        return build_adopted_parts(task.origin, states, task.options.device)
    network = TrainedNetwork(
        recipe=task.origin, initial=initial, final=final, twin=twin, snapshots=snapshots, losses=task.losses,
        steps=task.steps,
    )  # fmt: skip
    return build_parts(network, data_of(task.origin, task.options.data_dir), task.options.device)


def _refit_of(task: ScoreTask) -> Refit:
    return make_refit(task, data_of(task.recipe, task.options.data_dir))
