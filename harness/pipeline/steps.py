"""Steps of a run: train, observe and score what the store lacks."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from rich.console import Console
from rich.markup import escape

from harness.pipeline.executors import execute
from harness.pipeline.plan import Plan
from harness.pipeline.progress import report_progress
from harness.pipeline.shards import siblings
from harness.pipeline.tasks import ObserveTask, ScoreTask, TaskFailure, TrainTask, split_groups
from harness.pipeline.workers import observe_network, score_network, train_fleet
from harness.reports.write_results import report_repairs
from harness.sandbox.plugins import make_commissions, shared_sandbox
from harness.store.adopted import AdoptedNetwork, Origin
from harness.store.provenance import SUITE
from harness.store.store import Store, StoredRun
from harness.store.to_ledger import metadata_of
from harness.store.weights import CorruptRunError, WeightFile
from measures import Score
from zoo.recipe import Recipe
from zoo.training.train import shape_of

Task = TypeVar("Task")
Result = TypeVar("Result")

FAILURES_SHOWN: Final = 3  # tracebacks are long, and mostly equal


def train_missing(plan: Plan, store: Store, console: Console) -> int:
    """Train the recipes that the store lacks and those whose weight files are damaged. Returns how many failed."""
    intact = _intact_runs(plan, store, console, "The run is trained again, and scored again.")
    missing = [recipe for recipe in plan.recipes if recipe.run_id not in intact]
    if not missing:
        return 0
    groups: dict[Recipe, list[Recipe]] = defaultdict(list)
    for recipe in missing:
        groups[shape_of(recipe)].append(recipe)
    tasks = [
        TrainTask(tuple(group), plan.options, plan.held_out)
        for group in split_groups(list(groups.values()), 1 if plan.executor == "local" else plan.workers)
    ]
    trained = 0
    with report_progress(console, store.folder, "training", len(missing)) as advance:
        for done in _execute(train_fleet, tasks, plan):
            if isinstance(done, TaskFailure):
                console.print(
                    f"[red]A fleet of {len(done.task.recipes)} networks failed:[/]\n{escape(done.why)}", highlight=False
                )
            else:
                store.add_run(done)
                trained += 1
                advance()
    if trained < len(missing):
        console.print(f"[red]{len(missing) - trained} networks were not trained; the same command tries them again.")
    return len(missing) - trained


def observe_missing(plan: Plan, store: Store, console: Console) -> int:
    """Make the observations of the study that the store lacks. Returns how many networks failed."""
    intact = _intact_runs(plan, store, console, "It is not observed.")
    done = store.observed()
    tasks = []
    for run_id, (run, (_, final)) in intact.items():
        names = tuple(name for name in plan.observations if (run_id, name) not in done)
        if names:
            tasks.append(ObserveTask(run.recipe, final, store.trajectory_file(run_id), names, plan.options))
    failures = []
    if tasks:
        with report_progress(console, store.folder, "observing", len(tasks)) as advance:
            for result in _execute(observe_network, tasks, plan):
                if isinstance(result, TaskFailure):
                    failures.append(f"{result.task.run_id} was not observed:\n{result.why}")
                else:
                    store.add_observations(*result)
                advance()
    for failure in failures[:FAILURES_SHOWN]:
        console.print(f"[red]{escape(failure)}", highlight=False)
    return len(failures)


def score_missing(plan: Plan, store: Store, console: Console) -> int:
    """Compute the scores that the store lacks. Returns how many networks or scores failed."""
    intact = _intact_runs(
        plan, store, console, "It is not scored. Train it again: gapbench train, with the same options."
    )
    wanted = {network.run_id for network in plan.networks}
    broken = len(wanted & set(store.runs()) - set(intact))
    store.add_metadata(metadata_of(plan.measures, plan.submissions))
    for problem in plan.problems:
        console.print(f"[yellow]{escape(problem)}", highlight=False, soft_wrap=True)
    if plan.submissions:
        isolation = shared_sandbox().isolation
        guards = f"{isolation.kind} ({', '.join(isolation.guards)})"
        console.print(f"Measures of plug-ins run in a sandbox: {guards}.", highlight=False)
    tasks = _score_tasks(plan, store, intact)
    catalogue = [replace(task, commissions=()) for task in tasks if task.names]
    outside = [replace(task, names=()) for task in tasks if task.commissions]  # afterwards: a sandbox takes memory, too
    failures = _run_score_tasks("scoring", catalogue, plan, store, console) + _run_score_tasks(
        "plug-ins", outside, plan, store, console
    )
    for failure in failures[:FAILURES_SHOWN]:
        console.print(f"[red]{escape(failure)}", highlight=False)
    if failures:
        console.print(f"[red]{len(failures)} scores failed; the same command tries them again.")
    return len(failures) + broken


def warn_of_other_suites(plan: Plan, store: Store, console: Console) -> None:
    """Print how many networks of other suites the zoo holds, since they are ranked together with those of the plan."""
    wanted = {network.run_id for network in plan.networks}
    suites = (run.provenance.get(SUITE) for run_id, run in store.runs().items() if run_id not in wanted)
    others = Counter(suite for suite in suites if suite not in (None, plan.options.suite_and_size))
    if others:
        named = ", ".join(f"{number} of {suite}" for suite, number in sorted(others.items()))
        console.print(
            f"[yellow]{escape(str(store.folder))} also holds networks of other suites ({named}), which are ranked with "
            f"those of {plan.options.suite_and_size}. Give another --out to keep them apart.",
            highlight=False,
            soft_wrap=True,
        )


def _execute(
    worker: Callable[[Task], Iterator[Result]], tasks: Sequence[Task], plan: Plan
) -> Iterator[Result | TaskFailure[Task]]:
    return execute(
        worker, tasks, executor=plan.executor, workers=plan.workers, gpus=plan.gpus, time_limit=plan.time_limit
    )


def _run_score_tasks(what: str, tasks: Sequence[ScoreTask], plan: Plan, store: Store, console: Console) -> list[str]:
    """Execute scoring tasks and store the results. Returns a text for each failure."""
    failures: list[str] = []
    if tasks:
        with report_progress(console, store.folder, what, len(tasks)) as advance:
            for result in _execute(score_network, tasks, plan):
                run_id, scores = _scores_of(result, plan)
                store.add_scores(run_id, scores, layers=plan.options.layers)
                failures += [
                    f"{name} of {run_id}: {score.outcome}\n{score.why}"
                    for name, score in scores.items()
                    if score.outcome in ("failed", "timeout")
                ]
                advance()
    return failures


def _intact_runs(
    plan: Plan, store: Store, console: Console, consequence: str
) -> dict[str, tuple[StoredRun, tuple[WeightFile, WeightFile]]]:
    """Find the runs of the plan whose weight files are intact; print the name and consequence of each damaged one."""
    stored, intact = store.runs(), {}
    for network in plan.networks:
        if network.run_id in stored:
            try:
                store.trajectory_file(network.run_id)
                intact[network.run_id] = stored[network.run_id], store.weight_files(network.run_id)
            except CorruptRunError as reason:
                console.print(f"[yellow]{escape(str(reason))} {consequence}", highlight=False, soft_wrap=True)
    report_repairs(store, console)
    return intact


def _score_tasks(
    plan: Plan, store: Store, intact: Mapping[str, tuple[StoredRun, tuple[WeightFile, WeightFile]]]
) -> list[ScoreTask]:
    """Make a task for each network that lacks a score, or contributions of layers where the plan stores them.

    A failed or timed-out score is missing; an unsupported one is not.
    """
    done = {
        (run_id, name, score.version, score.source_hash)
        for run_id, name, score in store.scores()
        if score.outcome in ("scored", "unsupported")
    }
    if plan.options.layers:
        done -= store.without_layers()
    twins = _twins(plan.networks)
    tasks = []
    for run_id, (run, (initial, final)) in intact.items():
        twin = intact.get(twins[run_id])
        names = tuple(
            name
            for name, measure in plan.measures.items()
            if (run_id, name, measure.version, _source_hash(plan, name)) not in done
            and not ("twin" in measure.needs and twin is None)
        )
        if names:
            task = ScoreTask(
                origin=run.origin,
                initial=initial,
                final=final,
                trajectory=store.trajectory_file(run_id),
                losses=run.record.losses,
                steps=run.record.steps,
                twin=None if twin is None else twin[1][1],
                names=tuple(name for name in names if name not in plan.submissions),
                options=plan.options,
                commissions=make_commissions(names, plan.measures, plan.submissions),
            )
            tasks.append(task)
    return tasks


def _source_hash(plan: Plan, name: str) -> str:
    """Return the hash of the code of a plug-in's measure; empty for the catalogue."""
    return plan.submissions[name].source_hash if name in plan.submissions else ""


def _twins(origins: Sequence[Origin]) -> dict[str, str]:
    """Map each run_id to that of the same recipe with the next seed, cyclically; "" where there is no other seed.

    Of a network that was trained elsewhere it is the one that its table names.
    """
    twins = {origin.run_id: origin.twin for origin in origins if isinstance(origin, AdoptedNetwork)}
    for group in siblings([origin for origin in origins if isinstance(origin, Recipe)]).values():
        circle = sorted(group, key=lambda recipe: recipe.seed)
        for recipe, following in zip(circle, circle[1:] + circle[:1], strict=True):
            twins[recipe.run_id] = "" if following == recipe else following.run_id
    return twins


def _scores_of(
    result: tuple[str, dict[str, Score]] | TaskFailure[ScoreTask], plan: Plan
) -> tuple[str, dict[str, Score]]:
    """Return the scores of a result; a worker that died gives a failed score for each of its measures."""
    if not isinstance(result, TaskFailure):
        return result
    task = result.task
    names = [*task.names, *(name for group in task.commissions for name in group.versions)]
    return task.run_id, {
        name: Score(None, "failed", 0.0, plan.measures[name].version, result.why, source_hash=_source_hash(plan, name))
        for name in names
    }
