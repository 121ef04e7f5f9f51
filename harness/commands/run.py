"""Commands that make a zoo: gapbench run | train | score."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.markup import escape

from harness.commands.errors import GOOD, NEGATIVE, console, errors, report_empty, table_console
from harness.commands.options import (
    DataDir,
    Dataset,
    Device,
    DryRun,
    ExecutorOption,
    Fleet,
    GpusPerWorker,
    Layers,
    Limit,
    Measures,
    ModeOption,
    Out,
    Plugin,
    PrecisionOption,
    Retraining,
    SecretSeed,
    ShardOption,
    SizeOption,
    Suite,
    SuiteOrZoo,
    TimeLimit,
    Workers,
)
from harness.pipeline.run_options import RunOptions, parse_fleet, parse_shard

SHOWN: Final = 15  # measures that are printed after a run


def run(
    suite: Suite = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    fleet: Fleet = "auto",
    mode: ModeOption = "auto",
    precision: PrecisionOption = "float32",
    executor: ExecutorOption = "auto",
    workers: Workers = None,
    gpus_per_worker: GpusPerWorker = 1.0,
    time_limit: TimeLimit = None,
    limit: Limit = None,
    shard: ShardOption = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    measures: Measures = None,
    plugin: Plugin = None,
    retraining: Retraining = False,
    layers: Layers = False,
    secret_seed: SecretSeed = None,
    dry_run: DryRun = False,
) -> int:
    """Train a suite's networks, score them, rank the measures and write the leaderboard.

    If it is interrupted at any moment, the same command continues where it stopped.
    """
    if dry_run:
        from harness.commands.dry_run import print_needs

        return print_needs(suite, size, limit=limit, dataset=dataset, data_dir=data_dir)
    from harness.held_out import require_same_zoo
    from harness.pipeline.plan import make_plan
    from harness.pipeline.steps import observe_missing, score_missing, train_missing, warn_of_other_suites
    from harness.reports.write_results import write_results
    from harness.store.lock import hold
    from harness.store.store import Store
    from leaderboard.claims.table import render_claims
    from leaderboard.views.settled import say_settled
    from leaderboard.views.terminal import render

    options = RunOptions(
        suite=suite,
        size=size,
        out=out,
        device=device,
        fleet=parse_fleet(fleet),
        mode=mode,
        precision=precision,
        executor=executor,
        workers=workers,
        gpus_per_worker=gpus_per_worker,
        time_limit=time_limit,
        limit=limit,
        shard=parse_shard(shard),
        dataset=dataset,
        data_dir=data_dir,
        measures=measures,
        plugin=plugin,
        retraining=retraining,
        layers=layers,
        secret_seed=secret_seed,
    )
    plan = make_plan(options)
    with hold(plan.folder), Store(plan.folder) as store:
        require_same_zoo(store, plan.held_out)
        steps = (train_missing, observe_missing, score_missing)
        failed = sum(step(plan, store, console) for step in steps)
        if not store.runs():
            errors.print("[red]No network was trained, so there is nothing to rank.")
            return NEGATIVE
        warn_of_other_suites(plan, store, console)
        report = write_results(store, plan.claims)
    render(report, table_console(), most=SHOWN)
    console.print(f"{say_settled(report)} All measures: gapbench table {plan.folder}", markup=False, soft_wrap=True)
    render_claims(report.claims or [], console)
    console.print(f"\nThe page: [bold]{escape(str(plan.folder / 'leaderboard.html'))}[/]", soft_wrap=True)
    _say_how_to_join(plan.options)
    empty = report_empty(report)
    return NEGATIVE if failed else GOOD if report.claims else empty  # a study may train for epochs, and rank nothing


def train(
    suite: Suite = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    fleet: Fleet = "auto",
    mode: ModeOption = "auto",
    precision: PrecisionOption = "float32",
    executor: ExecutorOption = "auto",
    workers: Workers = None,
    gpus_per_worker: GpusPerWorker = 1.0,
    time_limit: TimeLimit = None,
    limit: Limit = None,
    shard: ShardOption = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    secret_seed: SecretSeed = None,
) -> int:
    """Train and observe a suite's networks, those that the directory does not hold yet."""
    from harness.held_out import require_same_zoo
    from harness.pipeline.plan import make_plan
    from harness.pipeline.steps import observe_missing, train_missing
    from harness.store.lock import hold
    from harness.store.store import Store

    options = RunOptions(
        suite=suite,
        size=size,
        out=out,
        device=device,
        fleet=parse_fleet(fleet),
        mode=mode,
        precision=precision,
        executor=executor,
        workers=workers,
        gpus_per_worker=gpus_per_worker,
        time_limit=time_limit,
        limit=limit,
        shard=parse_shard(shard),
        dataset=dataset,
        data_dir=data_dir,
        secret_seed=secret_seed,
    )
    plan = make_plan(options)
    with hold(plan.folder), Store(plan.folder) as store:
        require_same_zoo(store, plan.held_out)
        failed = train_missing(plan, store, console) + observe_missing(plan, store, console)
    _say_how_to_join(plan.options)
    return NEGATIVE if failed else GOOD


def score(
    suite: SuiteOrZoo = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    executor: ExecutorOption = "auto",
    workers: Workers = None,
    gpus_per_worker: GpusPerWorker = 1.0,
    time_limit: TimeLimit = None,
    limit: Limit = None,
    shard: ShardOption = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    measures: Measures = None,
    plugin: Plugin = None,
    retraining: Retraining = False,
    layers: Layers = False,
    secret_seed: SecretSeed = None,
) -> int:
    """Score the trained networks of a suite, or all networks of a zoo's directory, with the measures that they lack."""
    from harness.held_out import require_same_zoo
    from harness.pipeline.plan import make_plan, plan_scores
    from harness.pipeline.steps import score_missing
    from harness.store.lock import hold
    from harness.store.snapshot import require_zoo
    from harness.store.store import Store

    options = RunOptions(
        suite=suite,
        size=size,
        out=out,
        device=device,
        executor=executor,
        workers=workers,
        gpus_per_worker=gpus_per_worker,
        time_limit=time_limit,
        limit=limit,
        shard=parse_shard(shard),
        dataset=dataset,
        data_dir=data_dir,
        measures=measures,
        plugin=plugin,
        retraining=retraining,
        layers=layers,
        secret_seed=secret_seed,
    )
    if (folder := Path(suite)).is_dir():
        require_zoo(folder)
        with hold(folder), Store(folder) as store:
            return NEGATIVE if score_missing(plan_scores(replace(options, out=folder), store), store, console) else GOOD
    plan = make_plan(options)
    require_zoo(plan.folder)
    with hold(plan.folder), Store(plan.folder) as store:
        require_same_zoo(store, plan.held_out)
        failed = score_missing(plan, store, console)
    _say_how_to_join(plan.options)
    return NEGATIVE if failed else GOOD


def _say_how_to_join(options: RunOptions) -> None:
    """Print after a shard how all of them are merged."""
    if options.shard is not None:
        whole = replace(options, shard=None).folder
        command = f"{options.folder} ... --out DIR" if options.out else f"{whole}-shard-* --out {whole}"
        console.print(
            f"This was shard {options.shard}. When all are there: gapbench merge {command}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
