"""The main job, step by step: train what is missing, score what is missing, rank, write the page."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.executors import Executor, TaskFailure, execute
from harness.ledger import frame_of, metadata_of
from harness.store import CorruptRun, Store, StoredRun, write_text, written_whole
from harness.work import ScoreTask, TrainTask, provenance, score_network, train_fleet
from leaderboard.page import build
from leaderboard.ranking import rank
from measures import Measure, Score
from zoo.recipe import Recipe
from zoo.training import data_of, network_of, shape_of

MANY_NETWORKS: Final = 24  # from here on worker processes repay the seconds that they take to start


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, checked and complete.

    Attributes:
        suite: name of the suite.
        recipes: its recipes.
        measures: by name; those of the plug-in included.
        plugin: file that defines some of the measures.
        out: the zoo's directory.
        device: "cpu" or "cuda".
        fleet: members side by side, or "auto".
        executor: where work runs.
        workers: how many side by side.
        data_dir: folder of data sets.
    """

    suite: str
    recipes: tuple[Recipe, ...]
    measures: Mapping[str, Measure]
    plugin: Path | None
    out: Path
    device: str
    fleet: int | Literal["auto"]
    executor: Executor
    workers: int
    data_dir: Path | None


def check_recipes(recipes: Sequence[Recipe], data_dir: Path | None) -> None:
    """Load the data and build one network of each shape, so that what cannot be trained is refused before any training.

    Raises:
        UnknownDataset, DatasetError, ValueError: as `zoo.datasets.load`, `zoo.corruptions.prepare` and
            `zoo.models.build`.
    """
    for shape in dict.fromkeys(shape_of(recipe) for recipe in recipes):
        network_of(shape, data_of(shape, data_dir))


def train_missing(plan: Plan, store: Store, console: Console) -> int:
    """Train the recipes that the store lacks. Returns how many failed."""
    known = store.runs()
    for run_id in list(known):
        try:
            store.weight_files(run_id)
        except CorruptRun as reason:
            console.print(f"[yellow]{reason} The run is trained again.")
            store.drop_run(run_id)
            del known[run_id]
    _tell(store, console)
    missing = [recipe for recipe in plan.recipes if recipe.run_id not in known]
    if not missing:
        return 0
    check_recipes(missing, plan.data_dir)
    groups: dict[Recipe, list[Recipe]] = defaultdict(list)
    for recipe in missing:
        groups[shape_of(recipe)].append(recipe)
    tasks = [
        TrainTask(tuple(recipe.changed() for recipe in group), plan.device, plan.fleet, plan.data_dir)
        for group in sorted(groups.values(), key=len, reverse=True)  # the longest first, so that no worker idles long
    ]
    failed = 0
    with _progress(console, "training", len(missing)) as advance:
        for done in execute(train_fleet, tasks, executor=plan.executor, workers=plan.workers):
            if isinstance(done, TaskFailure):
                failed += 1
                console.print(
                    f"[red]A fleet of {len(done.task.recipes)} networks failed:[/]\n{done.why}", highlight=False
                )
            else:
                store.add_run(done)
                advance()
    return failed


def score_missing(plan: Plan, store: Store, console: Console) -> int:
    """Score the cells that the store lacks. Returns how many networks or cells failed."""
    runs = {run_id: run for run_id, run in store.runs().items() if run.recipe in set(plan.recipes)}
    done = {
        (run_id, name, score.version)
        for run_id, name, score in store.scores()
        if score.outcome in ("scored", "unsupported")
    }
    tasks = []
    for run_id, run in runs.items():
        twin = _twin(run, runs)
        names = tuple(
            name
            for name, measure in plan.measures.items()
            if (run_id, name, measure.version) not in done and not ("twin" in measure.needs and twin is None)
        )
        if names:
            initial, final = store.weight_files(run_id)
            other = None if twin is None else store.weight_files(twin.run_id)[1]
            tasks.append(
                ScoreTask(
                    run_id, run.recipe.changed(), initial, final, other, names, plan.plugin, plan.device, plan.data_dir
                )
            )
    failures: list[str] = []
    if tasks:
        with _progress(console, "scoring", len(tasks)) as advance:
            for result in execute(score_network, tasks, executor=plan.executor, workers=plan.workers):
                run_id, scores = _as_scores(result, plan.measures)
                store.add_scores(run_id, scores)
                failures += [
                    f"{name} of {run_id}: {score.outcome}\n{score.why}"
                    for name, score in scores.items()
                    if score.outcome in ("failed", "timeout")
                ]
                advance()
    for failure in failures[:3]:
        console.print(f"[red]{failure}", highlight=False)
    if failures:
        console.print(f"[red]{len(failures)} cells have no score; the same command tries them again.")
    return len(failures)


def write_results(store: Store) -> dict[str, Any]:
    """Write ledger.parquet, leaderboard.json and leaderboard.html, each whole or not at all; the ranking."""
    ledger = frame_of(store)
    report = {**rank(ledger, metadata=metadata_of()), "provenance": provenance_of(store)}
    with written_whole(store.folder / "ledger.parquet") as temporary:
        ledger.to_parquet(temporary, index=False)
    write_text(store.folder / "leaderboard.json", json.dumps(report, indent=1, allow_nan=False))
    write_text(store.folder / "leaderboard.html", build(report, ledger, report["provenance"]))
    return report


def provenance_of(store: Store) -> dict[str, Any]:
    """What made the numbers of a zoo: when, from which seeds, on what, in how many seconds."""
    runs = list(store.runs().values())
    machines = {json.dumps(run.provenance, sort_keys=True) for run in runs}
    return {
        "suite": store.folder.name,
        "date": max((run.created for run in runs), default="")[:10],
        "networks": len(runs),
        "seeds": ", ".join(str(seed) for seed in sorted({run.recipe.seed for run in runs})),
        "training seconds": round(sum(run.record.seconds for run in runs), 1),
        "scoring seconds, were each measure computed alone": round(sum(s.seconds for _, _, s in store.scores()), 1),
        "ranked by": dict(provenance("cpu")["versions"]),
        **{f"machine {n}": json.loads(machine) for n, machine in enumerate(sorted(machines), 1)},
    }


def default_executor(networks: int, device: str, cores: int) -> tuple[Executor, int]:
    """Where work runs if nobody says: on a CPU, one process a core as soon as there is enough to do."""
    many = device == "cpu" and cores > 1 and networks >= MANY_NETWORKS
    return ("processes", cores) if many else ("local", 1)


def default_device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _twin(run: StoredRun, runs: Mapping[str, StoredRun]) -> StoredRun | None:
    """The network of the same recipe from the next seed, in a circle; None where there is no other."""
    siblings = sorted(
        (other for other in runs.values() if other.recipe.replace(seed=0) == run.recipe.replace(seed=0)),
        key=lambda other: other.recipe.seed,
    )
    following = siblings[(siblings.index(run) + 1) % len(siblings)]
    return None if following == run else following


def _as_scores(
    result: tuple[str, dict[str, Score]] | TaskFailure[ScoreTask], measures: Mapping[str, Measure]
) -> tuple[str, dict[str, Score]]:
    """A result as it is; a worker that died leaves a failed cell for each measure that it was to compute."""
    if not isinstance(result, TaskFailure):
        return result
    return result.task.run_id, {
        name: Score(None, "failed", 0.0, measures[name].version, result.why) for name in result.task.names
    }


def _tell(store: Store, console: Console) -> None:
    for repair in store.repairs:
        console.print(f"[yellow]{repair}")
    store.repairs.clear()


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
