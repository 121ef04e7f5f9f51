"""The main job up to the ranking: train what is missing, score what is missing."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.pipeline.executors import TaskFailure, execute
from harness.pipeline.plan import Plan
from harness.pipeline.tasks import ObserveTask, ScoreTask, TrainTask, split_groups
from harness.pipeline.workers import observe_network, score_network, train_fleet
from harness.reports.write_results import report_repairs
from harness.sandbox.plugins import make_commissions, shared_sandbox
from harness.store.provenance import SUITE
from harness.store.store import Store, StoredRun
from harness.store.to_ledger import metadata_of
from harness.store.weights import CorruptRunError, WeightFile
from measures import Score
from zoo.recipe import Recipe
from zoo.training.train import shape_of

FAILURES_SHOWN: Final = 3  # tracebacks are long, and mostly the same


def train_missing(plan: Plan, store: Store, console: Console) -> int:
    """Train the recipes that the store lacks, and those whose weights cannot be trusted. Returns how many failed."""
    whole = _whole(plan, store, console, "The run is trained again, and scored again.")
    missing = [recipe for recipe in plan.recipes if recipe.run_id not in whole]
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
    with _progress(console, "training", len(missing)) as advance:
        for done in execute(train_fleet, tasks, executor=plan.executor, workers=plan.workers):
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
    """Observe what the study looks at and the store lacks. Returns how many networks failed."""
    whole = _whole(plan, store, console, "It is not observed.")
    done = store.observed()
    tasks = []
    for run_id, (run, (_, final)) in whole.items():
        names = tuple(name for name in plan.observations if (run_id, name) not in done)
        if names:
            tasks.append(ObserveTask(run.recipe, final, store.trajectory_file(run_id), names, plan.options))
    failures = []
    if tasks:
        with _progress(console, "observing", len(tasks)) as advance:
            for result in execute(observe_network, tasks, executor=plan.executor, workers=plan.workers):
                if isinstance(result, TaskFailure):
                    failures.append(f"{result.task.run_id} was not observed:\n{result.why}")
                else:
                    store.add_observations(*result)
                advance()
    for failure in failures[:FAILURES_SHOWN]:
        console.print(f"[red]{escape(failure)}", highlight=False)
    return len(failures)


def score_missing(plan: Plan, store: Store, console: Console) -> int:
    """Score the cells that the store lacks. Returns how many networks or cells failed."""
    whole = _whole(plan, store, console, "It is not scored. Train it again: gapbench train, with the same options.")
    wanted = {recipe.run_id for recipe in plan.recipes}
    broken = len(wanted & set(store.runs()) - set(whole))
    store.add_metadata(metadata_of(plan.measures, plan.submissions))
    for problem in plan.problems:
        console.print(f"[yellow]{escape(problem)}", highlight=False, soft_wrap=True)
    if plan.submissions:
        isolation = shared_sandbox().isolation
        held = f"{isolation.kind} ({', '.join(isolation.guards)})"
        console.print(f"Submitted measures run in a process of their own, held by {held}.", highlight=False)
    tasks = _score_tasks(plan, store, whole)
    catalogue = [replace(task, commissions=()) for task in tasks if task.names]
    outside = [
        replace(task, names=()) for task in tasks if task.commissions
    ]  # later: a sandbox takes memory of its own
    failures = _scored("scoring", catalogue, plan, store, console) + _scored("submitted", outside, plan, store, console)
    for failure in failures[:FAILURES_SHOWN]:
        console.print(f"[red]{escape(failure)}", highlight=False)
    if failures:
        console.print(f"[red]{len(failures)} cells were not scored; the same command tries them again.")
    return len(failures) + broken


def tell_others(plan: Plan, store: Store, console: Console) -> None:
    """Say how many networks of other suites the zoo holds, since they are ranked with those that were asked for."""
    wanted = {recipe.run_id for recipe in plan.recipes}
    suites = (run.provenance.get(SUITE) for run_id, run in store.runs().items() if run_id not in wanted)
    others = Counter(suite for suite in suites if suite not in (None, plan.options.suite_and_size))
    if others:
        named = ", ".join(f"{number} of {suite}" for suite, number in sorted(others.items()))
        console.print(
            f"[yellow]{escape(str(store.folder))} also holds networks of other suites ({named}), which are ranked with "
            f"those of {plan.options.suite_and_size}. Another --out keeps them apart.",
            highlight=False,
            soft_wrap=True,
        )


def _scored(what: str, tasks: Sequence[ScoreTask], plan: Plan, store: Store, console: Console) -> list[str]:
    """Do these tasks and keep what comes. Returns each failure of a cell."""
    failures: list[str] = []
    if tasks:
        with _progress(console, what, len(tasks)) as advance:
            for result in execute(score_network, tasks, executor=plan.executor, workers=plan.workers):
                run_id, scores = _as_scores(result, plan)
                store.add_scores(run_id, scores, layers=plan.options.layers)
                failures += [
                    f"{name} of {run_id}: {score.outcome}\n{score.why}"
                    for name, score in scores.items()
                    if score.outcome in ("failed", "timeout")
                ]
                advance()
    return failures


def _whole(
    plan: Plan, store: Store, console: Console, otherwise: str
) -> dict[str, tuple[StoredRun, tuple[WeightFile, WeightFile]]]:
    """The plan's runs that the store has whole, with their weights; the others are named."""
    stored, whole = store.runs(), {}
    for recipe in plan.recipes:
        if recipe.run_id in stored:
            try:
                store.trajectory_file(recipe.run_id)
                whole[recipe.run_id] = stored[recipe.run_id], store.weight_files(recipe.run_id)
            except CorruptRunError as reason:
                console.print(f"[yellow]{escape(str(reason))} {otherwise}", highlight=False, soft_wrap=True)
    report_repairs(store, console)
    return whole


def _score_tasks(
    plan: Plan, store: Store, whole: Mapping[str, tuple[StoredRun, tuple[WeightFile, WeightFile]]]
) -> list[ScoreTask]:
    """A task for each network that lacks a score, or what its layers gave where the plan wants that.

    A failed cell lacks its score, an unsupported one does not.
    """
    done = {
        (run_id, name, score.version, score.source_hash)
        for run_id, name, score in store.scores()
        if score.outcome in ("scored", "unsupported")
    }
    if plan.options.layers:
        done -= store.without_layers()
    twins = _twins(plan.recipes)
    tasks = []
    for run_id, (run, (initial, final)) in whole.items():
        twin = whole.get(twins[run_id])
        names = tuple(
            name
            for name, measure in plan.measures.items()
            if (run_id, name, measure.version, _source_hash(plan, name)) not in done
            and not ("twin" in measure.needs and twin is None)
        )
        if names:
            task = ScoreTask(
                recipe=run.recipe,
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
    """Of the code of a measure from outside; empty for the catalogue's."""
    return plan.submissions[name].source_hash if name in plan.submissions else ""


def _twins(recipes: Sequence[Recipe]) -> dict[str, str]:
    """For each run_id that of the same recipe with the next seed, in a circle; "" where there is no other seed."""
    siblings: dict[Recipe, list[Recipe]] = defaultdict(list)
    for recipe in recipes:
        siblings[recipe.replace(seed=0)].append(recipe)
    twins = {}
    for group in siblings.values():
        circle = sorted(group, key=lambda recipe: recipe.seed)
        for recipe, following in zip(circle, circle[1:] + circle[:1], strict=True):
            twins[recipe.run_id] = "" if following == recipe else following.run_id
    return twins


def _as_scores(
    result: tuple[str, dict[str, Score]] | TaskFailure[ScoreTask], plan: Plan
) -> tuple[str, dict[str, Score]]:
    """A result as it is; a worker that died leaves a failed cell for each measure that it was to compute."""
    if not isinstance(result, TaskFailure):
        return result
    task = result.task
    names = [*task.names, *(name for group in task.commissions for name in group.versions)]
    return task.run_id, {
        name: Score(None, "failed", 0.0, plan.measures[name].version, result.why, source_hash=_source_hash(plan, name))
        for name in names
    }


@contextmanager
def _progress(console: Console, what: str, total: int) -> Iterator[Any]:
    columns = (
        TextColumn("{task.description:9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("networks"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task: TaskID = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
