"""gapbench run | train | score: a zoo and what it takes."""

from collections.abc import Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from harness.commands.errors import GOOD, NEGATIVE, console, errors
from harness.commands.options import (
    DataDir,
    Dataset,
    Device,
    ExecutorName,
    Fleet,
    Layers,
    Limit,
    Measures,
    ModeName,
    Out,
    Plugin,
    PrecisionName,
    Retraining,
    SecretSeed,
    SizeOption,
    Suite,
    Workers,
)

if TYPE_CHECKING:
    from harness.pipeline.plan import Plan


def run(
    suite: Suite = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    fleet: Fleet = "auto",
    mode: ModeName = "auto",
    precision: PrecisionName = "auto",
    executor: ExecutorName = "auto",
    workers: Workers = None,
    limit: Limit = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    measures: Measures = None,
    plugin: Plugin = None,
    retraining: Retraining = False,
    layers: Layers = False,
    secret_seed: SecretSeed = None,
) -> int:
    """Train a suite's networks, score them, rank the measures and write the leaderboard.

    Interrupted at any moment, the same command goes on where it was.
    """
    from harness.held_out import require_same_zoo
    from harness.pipeline.steps import observe_missing, score_missing, tell_others, train_missing
    from harness.reports.rank_and_write import write_results
    from harness.store.store import Store
    from leaderboard.claims.table import render_claims
    from leaderboard.views.terminal import render

    plan = _planned(locals())
    with Store(plan.out) as store:
        require_same_zoo(store, plan.held_out)
        steps = (train_missing, observe_missing, score_missing)
        failed = sum(step(plan, store, console) for step in steps)
        if not store.runs():
            errors.print("[red]No network was trained, so there is nothing to rank.")
            return NEGATIVE
        tell_others(plan, store, console)
        report = write_results(store, plan.suite)
    render(report, console)
    render_claims(report["claims"], console)
    console.print(f"\nThe page: [bold]{escape(str(plan.out / 'leaderboard.html'))}[/]", soft_wrap=True)
    return NEGATIVE if failed else GOOD


def train(
    suite: Suite = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    fleet: Fleet = "auto",
    mode: ModeName = "auto",
    precision: PrecisionName = "auto",
    executor: ExecutorName = "auto",
    workers: Workers = None,
    limit: Limit = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    secret_seed: SecretSeed = None,
) -> int:
    """Train a suite's networks, those that the directory does not hold yet."""
    from harness.held_out import require_same_zoo
    from harness.pipeline.steps import train_missing
    from harness.store.store import Store

    plan = _planned(locals(), measures=None, plugin=None)
    with Store(plan.out) as store:
        require_same_zoo(store, plan.held_out)
        return NEGATIVE if train_missing(plan, store, console) else GOOD


def score(
    suite: Suite = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    executor: ExecutorName = "auto",
    workers: Workers = None,
    limit: Limit = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    measures: Measures = None,
    plugin: Plugin = None,
    retraining: Retraining = False,
    layers: Layers = False,
    secret_seed: SecretSeed = None,
) -> int:
    """Score the trained networks of a suite with the measures that they lack."""
    from harness.held_out import require_same_zoo
    from harness.pipeline.steps import score_missing
    from harness.reports.rank_and_write import opened

    plan = _planned(locals(), fleet="auto")
    with opened(plan.out) as store:
        require_same_zoo(store, plan.held_out)
        return NEGATIVE if score_missing(plan, store, console) else GOOD


def _planned(names: Mapping[str, Any], **others: Any) -> "Plan":
    """The plan of a command's options, which are among its local names."""
    from harness.pipeline.plan import plan_of

    options = signature(plan_of).parameters
    return plan_of(**{name: value for name, value in names.items() if name in options}, **others)
