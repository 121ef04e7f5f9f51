"""Plan of a command: its options checked and completed before anything is written."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

import torch

from harness.errors import HarnessError
from harness.held_out import HeldOut, describe_secret, read_secret
from harness.pipeline.executors import TIME_LIMIT, prepare, require_executor
from harness.pipeline.ray_cluster import Resources, connect
from harness.pipeline.run_options import DeviceName, Executor, RunOptions
from harness.pipeline.shards import recipes_in
from harness.sandbox.plugins import load_plugins
from harness.sandbox.submission import Submission
from harness.store.adopted import AdoptedNetwork, Origin
from harness.store.store import Store
from leaderboard.claims import Claim, claims_of
from measures import Measure
from measures.registry import catalog, expand, select
from zoo.corruptions import require_fit
from zoo.data.datasets import load
from zoo.errors import RecipeError, SuiteError
from zoo.held_out import held_out
from zoo.models.pretrained import load_pretrained
from zoo.observations.observed import require_observations
from zoo.recipe import Recipe, with_others
from zoo.recipe_checks import require_a_batch
from zoo.suites.registry import Suite
from zoo.suites.registry import suite as find_suite
from zoo.training.engines.modes import require_mode
from zoo.training.member import kept_parameters
from zoo.training.train import data_of, network_of, shape_of

MANY_NETWORKS: Final = 24  # from this number on, worker processes gain more than the seconds that they take to start


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A checked command: what is trained, observed and scored, and where that runs.

    Attributes:
        options: as given, with the device resolved.
        recipes: what is trained.
        measures: by name; those of the plug-in included.
        executor: where tasks run.
        workers: how many tasks run at once.
        gpus: share of a GPU for each task on Ray.
        time_limit: seconds without a result after which a worker is ended.
        observations: names of what is observed of every network beside its record.
        claims: published findings that the suite tests.
        submissions: the code of each measure of a plug-in, by the measure's name.
        problems: installed plug-ins that cannot be used, a sentence each.
        held_out: suite, protocol and fingerprint of the secret; empty for a public zoo.
        adopted: networks that were trained elsewhere, which are scored and not trained.
    """

    options: RunOptions
    recipes: tuple[Recipe, ...]
    measures: Mapping[str, Measure]
    executor: Executor = "local"
    workers: int = 1
    gpus: float = 0.0
    time_limit: float = TIME_LIMIT
    observations: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    submissions: Mapping[str, Submission] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    held_out: HeldOut = field(default_factory=dict)
    adopted: tuple[AdoptedNetwork, ...] = ()

    @property
    def networks(self) -> tuple[Origin, ...]:
        """All networks, by what they were made of."""
        return (*self.recipes, *self.adopted)

    @property
    def folder(self) -> Path:
        """The zoo's directory."""
        return self.options.folder


def make_plan(options: RunOptions) -> Plan:
    """Check the options of a command and complete them.

    Raises:
        HarnessError, ZooError, MeasuresError: an option that cannot be used; the message says which and what to do.
    """
    suite = find_suite(options.suite)
    located = suite.located(options.size)
    recipes = tuple(found.recipe for found in located)
    secret = None if options.secret_seed is None else read_secret(options.secret_seed, options.folder)
    if secret is not None:
        recipes = held_out(recipes, options.suite_and_size, secret)
    recipes = recipes[: options.limit]
    if options.shard is not None:
        recipes = recipes_in(options.shard, recipes)
    if options.dataset is not None:
        recipes = tuple(recipe.on(options.dataset) for recipe in recipes)
    cluster = _connect(options)
    device = resolve_device(options.device, cluster)
    plugins = load_plugins(options.plugin, catalog())
    measures = _select_measures(options, plugins.measures, suite.study.measures)
    require_observations(suite.study.observations)
    executor, workers = _choose_executor(options, len(recipes), device, cluster)
    if options.mode != "auto":
        require_mode(options.mode, torch.device(device), None if options.fleet == "auto" else options.fleet)
    prepare(executor)
    check_recipes(recipes, options.data_dir, [found.place for found in located] if suite.of_user else ())
    data_dir = options.data_dir if options.data_dir is None else options.data_dir.absolute()  # for nodes of a cluster
    return Plan(
        options=replace(options, device=device, data_dir=data_dir),
        recipes=recipes,
        measures=measures,
        executor=executor,
        workers=workers,
        gpus=options.gpus_per_worker if device == "cuda" else 0.0,
        time_limit=options.time_limit or TIME_LIMIT,
        observations=suite.study.observations,
        claims=_claims_in(suite),
        submissions={name: plugins.submissions[name] for name in measures if name in plugins.submissions},
        problems=plugins.problems,
        held_out={} if secret is None else describe_secret(options.suite_and_size, secret),
    )


def plan_scores(options: RunOptions, store: Store) -> Plan:
    """Plan to score all networks of a zoo, whatever it was made of.

    Raises:
        HarnessError, MeasuresError: an option that cannot be used; the message says which and what to do.
    """
    if options.shard is not None:
        raise HarnessError("--shard divides the networks of a suite; name the suite and --out, not the directory.")
    cluster = _connect(options)
    device = resolve_device(options.device, cluster)
    plugins = load_plugins(options.plugin, catalog())
    measures = _select_measures(options, plugins.measures, None)
    origins = tuple(run.origin for run in store.runs().values())[: options.limit]
    executor, workers = _choose_executor(options, len(origins), device, cluster)
    prepare(executor)
    return Plan(
        options=replace(options, device=device),
        recipes=tuple(origin for origin in origins if isinstance(origin, Recipe)),
        adopted=tuple(origin for origin in origins if isinstance(origin, AdoptedNetwork)),
        measures=measures,
        executor=executor,
        workers=workers,
        gpus=options.gpus_per_worker if device == "cuda" else 0.0,
        time_limit=options.time_limit or TIME_LIMIT,
        submissions={name: plugins.submissions[name] for name in measures if name in plugins.submissions},
        problems=plugins.problems,
    )


def check_recipes(recipes: Sequence[Recipe], data_dir: Path | None, places: Sequence[str] = ()) -> None:
    """Load the data and build one network of each shape, to refuse what cannot be trained before any training.

    Args:
        recipes: what is to be trained.
        data_dir: folder of data sets.
        places: where the suite makes each recipe, for messages; not named if empty.

    Raises:
        ZooError: as `zoo.data.datasets.load`, `zoo.corruptions.prepare` and
            `zoo.models.build.build`.
    """
    tried: dict[Recipe, list[str]] = {}
    for index, recipe in enumerate(recipes):
        for other in with_others([recipe]):
            try:
                require_fit(load(other.dataset, data_dir), other.data)
                shape = shape_of(other)
                if shape not in tried:
                    data = data_of(shape, data_dir)
                    require_a_batch(shape, len(data.train_labels))
                    network = network_of(shape, data)
                    tried[shape] = [name for name, _ in network.named_parameters()]
                    if shape.pretrained is not None:
                        load_pretrained(shape, network)
                kept_parameters(other, tried[shape])
            except RecipeError as error:
                raise RecipeError(f"{places[index]}: {error}" if places else str(error)) from error


def _claims_in(suite: Suite) -> tuple[Claim, ...]:
    """Find the claims about a suite: those of the project, or CLAIMS in the file or package that defines it."""
    claims = tuple(getattr(suite.module, "CLAIMS", ())) or tuple(claims_of(suite.name))
    if strange := [claim for claim in claims if not isinstance(claim, Claim)]:
        raise SuiteError(
            f"{suite.module.__file__}: CLAIMS must hold leaderboard.claims.Claim; got {type(strange[0]).__name__}."
        )
    return claims


def default_executor(networks: int, device: str, cores: int) -> tuple[Executor, int]:
    """Executor and number of workers for --executor auto: one process a core on a CPU with enough networks."""
    many = device == "cpu" and cores > 1 and networks >= MANY_NETWORKS
    return ("processes", cores) if many else ("local", 1)


def _choose_executor(
    options: RunOptions, networks: int, device: str, cluster: Resources | None
) -> tuple[Executor, int]:
    if cluster is not None:
        room = int(cluster.gpus / options.gpus_per_worker) if device == "cuda" else cluster.cpus
        return "ray", options.workers or max(1, room)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if options.executor == "auto":
        executor, workers = default_executor(networks, device, cores)
    else:
        executor, workers = options.executor, cores
    return executor, options.workers or workers


def _connect(options: RunOptions) -> Resources | None:
    """Connect to the Ray cluster where it is asked for."""
    if options.executor != "ray":
        return None
    require_executor("ray")
    return connect(options.workers)


def resolve_device(device: DeviceName, cluster: Resources | None = None) -> Literal["cpu", "cuda"]:
    """Choose the device for "auto": a GPU of the cluster counts, that of this machine only without a cluster.

    Raises:
        HarnessError: "cuda", and there is no GPU.
    """
    available = torch.cuda.is_available() if cluster is None else cluster.gpus > 0
    if device == "cuda" and not available and cluster is None:  # a cluster may still start nodes with GPUs
        raise HarnessError("--device cuda needs a GPU that torch can use; there is none. Use --device cpu.")
    return ("cuda" if available else "cpu") if device == "auto" else device


def _select_measures(
    options: RunOptions, plugged: Mapping[str, Measure], study: Sequence[str] | None
) -> dict[str, Measure]:
    """Find the measures of `--measures`; "core", a family and "all" stand for several.

    Without names: those of the study and of plug-ins, or all of them. Those that take training steps are among all
    of them only with `--retraining`.
    """
    available = {**catalog(), **plugged}
    names = options.measures
    if names is not None and names.strip() != "all":
        wanted = [name for name in names.split(",") if name.strip()]
        if not wanted:
            raise HarnessError(f"--measures must name at least one measure, or core, or all; got {names!r}.")
        return {measure.name: measure for measure in select(expand(wanted, available), available)}
    if names is None and study is not None:
        return {measure.name: measure for measure in select([*study, *plugged], available)}
    return {name: measure for name, measure in available.items() if options.retraining or not measure.on_request}
