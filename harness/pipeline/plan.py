"""What a command is to do: its options checked, before anything is written."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final, Literal

import torch

from harness.held_out import HeldOut, recorded, secret_in
from harness.pipeline.executors import Executor, prepare, require_executor
from harness.sandbox.plugins import submitted
from harness.sandbox.submission import Submission
from measures import Measure
from measures.registry import CORE, catalog, select
from zoo.held_out import held_out
from zoo.observations.observed import require_observations
from zoo.recipe import Recipe, with_others
from zoo.suites.registry import suite as suite_of
from zoo.suites.study import SizeName
from zoo.training.engines.modes import Mode, require_mode
from zoo.training.engines.precision import Precision
from zoo.training.train import data_of, network_of, shape_of

MANY_NETWORKS: Final = 24  # from here on worker processes repay the seconds that they take to start


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, checked and complete.

    Attributes:
        suite: its name.
        recipes: what is trained.
        measures: by name; those of the plug-in included.
        out: the zoo's directory.
        device: "cpu" or "cuda".
        fleet: members side by side, or "auto".
        executor: where work runs.
        workers: how many side by side.
        data_dir: folder of data sets.
        layers: whether to store what each layer gives to a score.
        observations: what is observed of every network beside its record.
        mode: the engine of training, or "auto".
        precision: of the matrix products of training.
        submissions: of the measures from outside, where their code is.
        problems: of installed plug-ins that cannot be used, a sentence each.
        held_out: what is recorded of the secret of a held-out zoo; empty for a public one.
        size: of the suite.
    """

    suite: str
    recipes: tuple[Recipe, ...]
    measures: Mapping[str, Measure]
    out: Path
    device: str
    fleet: int | Literal["auto"]
    executor: Executor
    workers: int
    data_dir: Path | None
    layers: bool = False
    observations: tuple[str, ...] = ()
    mode: Mode | Literal["auto"] = "auto"
    precision: Precision = "float32"
    submissions: Mapping[str, Submission] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    held_out: HeldOut = field(default_factory=dict)
    size: SizeName = "small"

    @property
    def staged(self) -> str:
        """Suite and size in a word."""
        return staged_as(self.suite, self.size)


def plan_of(
    *,
    suite: str,
    out: Path | None,
    device: Literal["auto", "cpu", "cuda"],
    fleet: str,
    executor: Literal["auto", "local", "processes", "ray"],
    workers: int | None,
    limit: int | None,
    dataset: str | None,
    data_dir: Path | None,
    measures: str | None,
    plugin: Path | None,
    size: SizeName = "small",
    retraining: bool = False,
    layers: bool = False,
    mode: Mode | Literal["auto"] = "auto",
    precision: Precision | Literal["auto"] = "auto",
    secret_seed: Path | None = None,
) -> Plan:
    """The plan of a command's options; see `gapbench run --help`.

    Raises:
        ValueError, LookupError, RuntimeError: an option that cannot be; the message says which and what to do.
    """
    staged = suite_of(suite)
    recipes = staged.recipes(size)
    name = staged_as(suite, size)
    folder = out or Path("runs") / "-".join(
        part for part in (name, dataset, "held-out" if secret_seed else None) if part is not None
    )
    secret = None if secret_seed is None else secret_in(secret_seed, folder)
    if secret is not None:
        recipes = held_out(recipes, name, secret)
    recipes = recipes[:limit]
    if dataset is not None:
        recipes = tuple(recipe.on(dataset) for recipe in recipes)
    chosen_device = _device(device)
    outside = submitted(plugin, catalog())
    chosen_measures = _measures(measures, outside.measures, staged.study.measures, retraining=retraining)
    require_observations(staged.study.observations)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    where, number = default_executor(len(recipes), chosen_device, cores)
    if executor != "auto":
        where, number = executor, cores
        require_executor(executor)
    chosen_fleet = _fleet(fleet)
    if mode != "auto":
        require_mode(mode, torch.device(chosen_device), None if chosen_fleet == "auto" else chosen_fleet)
    prepare(where)
    check_recipes(recipes, data_dir)
    return Plan(
        suite=suite,
        recipes=recipes,
        measures=chosen_measures,
        out=folder,
        device=chosen_device,
        fleet=chosen_fleet,
        executor=where,
        workers=workers or number,
        data_dir=data_dir,
        layers=layers,
        observations=staged.study.observations,
        mode=mode,
        precision="float32" if precision == "auto" else precision,
        submissions={name: outside.submissions[name] for name in chosen_measures if name in outside.submissions},
        problems=outside.problems,
        held_out={} if secret is None else recorded(name, secret),
        size=size,
    )


def staged_as(suite: str, size: SizeName) -> str:
    """What a suite of this size is called where a word has to do: folders and records."""
    return suite if size == "small" else f"{suite}-{size}"


def check_recipes(recipes: Sequence[Recipe], data_dir: Path | None) -> None:
    """Load the data and build one network of each shape, so that what cannot be trained is refused before any training.

    Raises:
        UnknownDatasetError, DatasetError, ValueError: as `zoo.data.datasets.load`, `zoo.corruptions.prepare` and
            `zoo.models.build.build`.
    """
    for shape in dict.fromkeys(shape_of(recipe) for recipe in with_others(recipes)):
        network_of(shape, data_of(shape, data_dir))


def default_executor(networks: int, device: str, cores: int) -> tuple[Executor, int]:
    """Where work runs if nobody says: on a CPU, one process a core as soon as there is enough to do."""
    many = device == "cpu" and cores > 1 and networks >= MANY_NETWORKS
    return ("processes", cores) if many else ("local", 1)


def _device(device: Literal["auto", "cpu", "cuda"]) -> str:
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ValueError("--device cuda needs a GPU that torch can use; there is none. Use --device cpu.")
    return ("cuda" if available else "cpu") if device == "auto" else device


def _fleet(fleet: str) -> int | Literal["auto"]:
    if fleet == "auto":
        return "auto"
    if not fleet.isdecimal() or int(fleet) == 0:
        raise ValueError(f"--fleet must be auto or a number from 1; got {fleet!r}.")
    return int(fleet)


def _measures(
    names: str | None, plugged: Mapping[str, Measure], study: Sequence[str] | None, *, retraining: bool
) -> dict[str, Measure]:
    """The measures of these names, "core" standing for `CORE`; if None the study's and those from outside, or all.

    "all" says so. Those that train networks anew are among all only with `retraining`.
    """
    available = {**catalog(), **plugged}
    if names is not None and names.strip() != "all":
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        if not wanted:
            raise ValueError(f"--measures must name at least one measure, or core, or all; got {names!r}.")
        meant = chain.from_iterable(CORE if name == "core" else (name,) for name in wanted)
        return {measure.name: measure for measure in select(meant, available)}
    if names is None and study is not None:
        return {measure.name: measure for measure in select([*study, *plugged], available)}
    return {name: measure for name, measure in available.items() if retraining or "refit" not in measure.needs}
