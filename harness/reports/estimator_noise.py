"""Measure the estimator noise of the catalogue on a zoo and write `harness/store/estimator_noise.csv`.

python -m harness.reports.estimator_noise runs/digits

Networks are taken evenly from each corruption of a trained zoo and scored under several seeds of the estimators. Scores
are kept in a separate file beside the zoo's results, so that the command resumes where it stopped. The zoo's ledger is
read and not written.
"""

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import torch
from rich.console import Console

from harness.pipeline.executors import execute
from harness.pipeline.run_options import Executor, RunOptions
from harness.pipeline.tasks import ScoreTask, TaskFailure
from harness.pipeline.workers import TIME_LIMIT, parts_of
from harness.store.atomic_write import write_text
from harness.store.estimator_noise import TABLE, Noise, format_table
from harness.store.store import Store, StoredRun, open_store
from leaderboard.statistics.estimator_noise import estimator_noise, rank_noise
from leaderboard.statistics.undefined import UndefinedError
from measures import Subject
from measures.api import Measure, seed_for
from measures.registry import CORE, catalog, select
from measures.scoring import score_subject

DRAWN: Final = "drawn at random"  # the name of the pass that a measure used if it read the seed
ORDER: Final = "example_order"  # the pass by which examples are drawn


@dataclass(frozen=True, slots=True)
class SeedTask:
    """One network, a seed of the estimators, and the measures to score under it."""

    network: ScoreTask
    seed: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeedScore:
    """Score of one measure on one network under one seed; no value where it was not scored."""

    run_id: str
    seed: int
    measure: str
    version: int
    value: float | None
    is_drawn: bool


class _Watched(Subject):
    """A subject that notes, as a shared pass, that a measure has drawn."""

    def generator(self, *names: object) -> torch.Generator:
        """As in the base class."""
        self._cache.get(DRAWN, lambda: True)
        return super().generator(*names)


def score_with_seed(task: SeedTask) -> Iterator[list[SeedScore]]:
    """Score one network under one seed; seed 0 is that of every ledger."""
    parts = parts_of(task.network)
    subject = _Watched(
        parts.model,
        parts.inputs,
        parts.labels,
        init_state=parts.init_state,
        twin=parts.twin,
        unlabeled=parts.unlabeled,
        trajectory=parts.trajectory,
        seed=seed_for("scores", task.seed) if task.seed else parts.seed,
    )
    scores = score_subject(subject, select(task.names, catalog()), time_limit=TIME_LIMIT)
    yield [
        SeedScore(
            task.network.run_id, task.seed, name, score.version, score.value, bool({DRAWN, ORDER} & set(score.passes))
        )
        for name, score in scores.items()
    ]


def evenly(runs: Mapping[str, StoredRun], count: int) -> list[StoredRun]:
    """About `count` runs, as many of each corruption, evenly over the recipes in the order of their fields."""
    by_corruption: dict[str, list[StoredRun]] = defaultdict(list)
    for run in sorted(runs.values(), key=lambda run: sorted(map(str, run.recipe.changed().items()))):
        by_corruption[corruption_of(run)].append(run)
    share = max(1, count // len(by_corruption))
    chosen = []
    for group in by_corruption.values():
        taken = min(share, len(group))
        chosen += [group[(2 * place + 1) * len(group) // (2 * taken)] for place in range(taken)]
    return chosen


def corruption_of(run: StoredRun) -> str:
    """Return the corruption of a run's data and its level."""
    return f"{run.recipe.corruption} {run.recipe.corruption_p:g}"


def noise_of(measure: Measure, scores: Sequence[SeedScore], corruptions: Mapping[str, str], seeds: int) -> Noise:
    """The noise of one measure from its scores.

    Args:
        measure: which.
        scores: all of its current version.
        corruptions: of each network, by run_id.
        seeds: how many there are; networks that lack one are left out.
    """
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for score in scores:
        if score.value is not None and score.seed < seeds:
            values[score.run_id][score.seed] = score.value
    if not any(score.is_drawn for score in scores):
        ratio = 0.0 if values else None
        return Noise(measure.name, measure.version, len(values), ratio, ratio)
    groups: dict[str, list[list[float]]] = defaultdict(list)
    for run_id, by_seed in values.items():
        if len(by_seed) == seeds:
            groups[corruptions[run_id]].append([by_seed[seed] for seed in range(seeds)])
    ratios = []
    for group in groups.values():
        table = np.array(group, dtype=np.float64).T
        with suppress(UndefinedError):
            ratios.append((estimator_noise(table), rank_noise(table)))
    networks = sum(map(len, groups.values()))
    if not ratios:
        return Noise(measure.name, measure.version, networks, None, None)
    of_scores, of_ranks = map(median, zip(*ratios, strict=True))
    return Noise(measure.name, measure.version, networks, of_scores, of_ranks)


def measured(
    store: Store,
    measures: Sequence[Measure],
    kept: Path,
    *,
    networks: int,
    seeds: int,
    workers: int,
    data_dir: Path | None,
) -> list[Noise]:
    """Score what `kept` lacks, and what comes of it for each measure."""
    runs, console = store.runs(), Console(stderr=True)
    chosen = evenly(runs, networks)
    there = list(read(kept))
    for seed in range(seeds):
        done = {(score.run_id, score.seed, score.measure, score.version) for score in there}
        drawn = {score.measure for score in there if score.is_drawn}
        wanted = [measure for measure in measures if seed == 0 or measure.name in drawn]
        tasks = []
        for run in chosen:
            names = tuple(m.name for m in wanted if (run.run_id, seed, m.name, m.version) not in done)
            if names:
                tasks.append(SeedTask(task_of(store, runs, run, data_dir), seed, names))
        start = time.monotonic()
        executor: Executor = "processes" if workers > 1 else "local"
        for count, result in enumerate(execute(score_with_seed, tasks, executor=executor, workers=workers), 1):
            if isinstance(result, TaskFailure):
                raise RuntimeError(f"{result.task.network.run_id} was not scored:\n{result.why}")  # noqa: TRY004  its type says so
            there += result
            append(kept, result)
            elapsed = time.monotonic() - start
            console.print(f"seed {seed}: {count} of {len(tasks)} networks, {elapsed:.0f} s", highlight=False)
    corruptions = {run.run_id: corruption_of(run) for run in chosen}
    scores: dict[tuple[str, int], list[SeedScore]] = defaultdict(list)
    for score in there:
        if score.run_id in corruptions:
            scores[score.measure, score.version].append(score)
    return [noise_of(measure, scores[measure.name, measure.version], corruptions, seeds) for measure in measures]


def read(path: Path) -> Iterator[SeedScore]:
    """Read the scores of a file that `append` wrote; none where there is no file."""
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            for run_id, seed, measure, version, value, is_drawn in csv.reader(file):
                number = float(value) if value else None
                yield SeedScore(run_id, int(seed), measure, int(version), number, is_drawn == "True")


def append(path: Path, scores: Sequence[SeedScore]) -> None:
    """Add scores to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        for s in scores:
            value = "" if s.value is None else repr(s.value)
            csv.writer(file).writerow([s.run_id, s.seed, s.measure, s.version, value, s.is_drawn])


def task_of(store: Store, runs: Mapping[str, StoredRun], run: StoredRun, data_dir: Path | None) -> ScoreTask:
    """What scoring a run takes, with another seed of its recipe as the twin."""
    initial, final = store.weight_files(run.run_id)
    others = (other for other in runs.values() if other is not run)
    twin = next((other for other in others if other.recipe.replace(seed=run.recipe.seed) == run.recipe), None)
    return ScoreTask(
        origin=run.recipe,
        initial=initial,
        final=final,
        trajectory=store.trajectory_file(run.run_id),
        losses=run.record.losses,
        steps=run.record.steps,
        twin=None if twin is None else store.weight_files(twin.run_id)[1],
        names=(),
        options=RunOptions(device="cpu", data_dir=data_dir),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("zoo", type=Path, help="directory of a trained zoo")
    parser.add_argument("-o", "--output", type=Path, default=TABLE)
    parser.add_argument("--scores", type=Path, default=Path("runs/estimator_noise.csv"), help="where scores are kept")
    parser.add_argument("--networks", type=int, default=36, help="how many networks of the zoo")
    parser.add_argument("--seeds", type=int, default=4, help="how many seeds of the estimators")
    parser.add_argument("--measures", default="all", help="all that take no training steps, core, or names with commas")
    parser.add_argument("--workers", type=int, default=1, help="processes side by side")
    parser.add_argument("--data-dir", type=Path, default=None, help="folder of data sets")
    chosen = parser.parse_args(arguments)
    every = [name for name, measure in catalog().items() if not measure.on_request]
    named = {"all": every, "core": list(CORE)}.get(chosen.measures, chosen.measures.split(","))
    measures = [measure for measure in select(named, catalog()) if "refit" not in measure.needs]
    with open_store(chosen.zoo) as store:
        rows = measured(
            store, measures, chosen.scores, networks=chosen.networks, seeds=chosen.seeds, workers=chosen.workers,
            data_dir=chosen.data_dir,
        )  # fmt: skip
    write_text(chosen.output, format_table(rows))


if __name__ == "__main__":
    main()
