"""Networks an hour by gapbench and by the two baselines, for one shape of network."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, pstdev
from typing import Any, Final

import torch

from tests.benchmarks.gpu_report.apart import Part
from tests.benchmarks.gpu_report.baselines import BASELINES, Outcome, trained
from tests.benchmarks.gpu_report.device import bound, step_flops, waited
from zoo.corruptions import PreparedData
from zoo.models.build import num_params
from zoo.recipe import Recipe
from zoo.training.engines.modes import LOOPS, MODES, engine_of, offered
from zoo.training.engines.precision import Precision, exactly
from zoo.training.engines.timing import Choice
from zoo.training.member import Job
from zoo.training.train import data_of, network_of, shape_of, train
from zoo.training.trainer import Trainer

PRECISIONS: Final[tuple[Precision, ...]] = ("float32", "bf16")
NOISE: Final = 2.0  # standard errors within which accuracies are the same
SLOWER: Final = 1.5  # than the steps that were timed: epochs begin and end, members leave
SHARE: Final = 0.35  # of the time that is left, for the first training of all networks in one precision


class Noted:
    """Remembers a choice with its timings, for the report."""

    def __init__(self) -> None:
        self.choices: dict[str, Choice] = {}
        self.seconds: dict[str, float] = {}
        self.absent: dict[str, str] = {}

    def recall(self, question: str) -> Choice | None:
        """See `zoo.training.engines.timing.Remembered`."""
        return self.choices.get(question)

    def keep(self, question: str, choice: Choice, seconds: Mapping[str, float], absent: Mapping[str, str]) -> Choice:
        """See `zoo.training.engines.timing.Remembered`."""
        self.choices[question] = choice
        self.seconds, self.absent = dict(seconds), dict(absent)
        return choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is measured and how.

    Attributes:
        device: where.
        networks: that gapbench trains, at most.
        rounds: in which the kinds take turns, at most; the least time counts.
        workers: of the DataLoader.
        data_dir: folder of data sets.
        peaks: operations a second by precision; shares of the peak are left out where there are none.
    """

    device: torch.device
    networks: int
    rounds: int
    workers: int
    data_dir: Path | None
    peaks: Mapping[str, float]


def measured(recipe: Recipe, bench: Bench, part: Part) -> None:
    """All figures of one shape, the first round of every kind before any second."""
    data = data_of(recipe, bench.data_dir)
    network = network_of(recipe, data).to(bench.device)
    shape = data.train_images[: recipe.batch_size].shape
    steps = len(data.train_labels) // recipe.batch_size
    flops = steps * step_flops(network, torch.randn(shape, device=bench.device))
    part.keep(parameters=num_params(network), operations_an_epoch=flops, choices={}, kinds={})
    outcomes: dict[str, list[list[Outcome]]] = {}

    def told() -> None:
        kinds = {kind: _figures(rounds) for kind, rounds in outcomes.items()}
        for kind, figures in kinds.items():
            peak = bench.peaks.get("float32" if kind.endswith("float32") else "bf16", math.inf)
            figures["share_of_peak"] = flops / figures["seconds_an_epoch"] / peak
        part.keep(kinds=kinds, verdicts=_verdicts(kinds))

    def baselines(index: int) -> None:
        for kind in BASELINES:
            with part.failing(f"{kind}, round {index}"):
                own = trained(kind, recipe.replace(seed=index), data, bench.device, bench.workers)
                outcomes.setdefault(kind, []).append([own])
                told()

    begun = time.monotonic()
    baselines(0)
    epochs = mean([rounds[0][0].epochs for rounds in outcomes.values()] or [recipe.max_epochs])
    fleets: dict[Precision, tuple[Choice, list[Recipe]]] = {}
    for precision in PRECISIONS:
        with part.failing(precision):
            choice, seconds = _chosen(recipe, bench, precision, data, part)
            affordable = SHARE * part.left / (SLOWER * seconds * steps * epochs)
            recipes = [
                recipe.replace(seed=seed) for seed in range(_whole_fleets(bench.networks, choice.size, affordable))
            ]
            outcomes[f"gapbench_{precision}"] = [_fleet(recipes, choice, precision, bench)]
            fleets[precision] = choice, recipes
            told()
    with part.failing("what bounds a step"):
        part.keep(bound=_bound(recipe, bench, part.found, fleets))
    a_round = time.monotonic() - begun
    for index in range(1, bench.rounds):
        if part.left < a_round:
            break
        baselines(index)
        for precision, (choice, recipes) in fleets.items():
            with part.failing(f"{precision}, round {index}"):
                outcomes[f"gapbench_{precision}"].append(_fleet(recipes, choice, precision, bench))
                told()


def _chosen(recipe: Recipe, bench: Bench, precision: Precision, data: PreparedData, part: Part) -> tuple[Choice, float]:
    """What gapbench chooses, and the seconds that it takes for a step of one network.

    For a training so short that compiling is not tried: it takes minutes, and has a separate section.
    """
    jobs = [Job(recipe=recipe.replace(seed=seed, max_epochs=1), data=data) for seed in range(bench.networks)]
    noted = Noted()
    start = time.perf_counter()
    trainer = Trainer(shape_of(recipe), jobs, bench.device, torch.float32, precision)
    choice = trainer.choose("auto", "auto", noted)
    found = {
        "choice": str(choice),
        "seconds_to_choose": time.perf_counter() - start,
        "seconds_for_a_step_of_all": noted.seconds,
        "left_out": noted.absent,
    }
    part.keep(choices={**part.found["choices"], precision: found})
    return choice, noted.seconds[str(choice)] / bench.networks


def compiled(recipe: Recipe, bench: Bench, choice: Choice, precision: Precision, part: Part) -> dict[str, float]:
    """Milliseconds of a step of one network by every engine, fleets in the size that was chosen; compiled ones last."""
    size = max(2, choice.size)
    data = data_of(recipe, bench.data_dir)
    jobs = [Job(recipe=recipe.replace(seed=seed), data=data) for seed in range(size)]
    trainer = Trainer(shape_of(recipe), jobs, bench.device, torch.float32, precision)
    taken = {}
    for mode in offered(bench.device):
        own = 1 if mode in LOOPS else size
        with part.failing(f"{mode}, {recipe.model} {recipe.width:g}, {precision}"):
            if part.left > 0:
                taken[f"{mode} {own}"] = 1e3 * trainer._seconds_a_step(Choice(mode, own)) / own
    return taken


def _whole_fleets(most: int, size: int, affordable: float) -> int:
    """Whole fleets of networks, as many as can be afforded, at least one and at most `most`."""
    return min(most, max(1, int(affordable // size)) * size)


def _fleet(recipes: list[Recipe], choice: Choice, precision: Precision, bench: Bench) -> list[Outcome]:
    """All networks by gapbench; each has its share of the time, choosing not included."""
    start = waited(bench.device)
    runs = list(
        train(
            recipes,
            device=bench.device,
            data_dir=bench.data_dir,
            precision=precision,
            mode=choice.mode,
            fleet=choice.size,
        )
    )
    share = (waited(bench.device) - start) / len(runs)
    return [Outcome(share, r.record.epochs, r.record.test_accuracy, r.record.converged) for r in runs]


def _figures(rounds: list[list[Outcome]]) -> dict[str, Any]:
    """Of several rounds the fastest an epoch; accuracies of the networks of all seeds, each once."""
    seconds_an_epoch = min(sum(o.seconds for o in each) / sum(o.epochs for o in each) for each in rounds)
    distinct = rounds[0] if len(rounds[0]) > 1 else [outcome for each in rounds for outcome in each]
    epochs = mean(outcome.epochs for outcome in distinct)
    accuracies = [outcome.test_accuracy for outcome in distinct]
    return {
        "rounds": len(rounds),
        "networks": len(distinct),
        "seconds_an_epoch": seconds_an_epoch,
        "epochs": epochs,
        "networks_an_hour": 3600 / (seconds_an_epoch * epochs),
        "test_accuracy": mean(accuracies),
        "spread": pstdev(accuracies),
        "converged": sum(outcome.converged for outcome in distinct),
    }


def _verdicts(kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How many times faster, in networks an hour, and whether accuracies are the same within the noise of seeds."""
    verdicts: dict[str, Any] = {}
    for name, own in kinds.items():
        for kind in BASELINES:
            if not name.startswith("gapbench") or kind not in kinds:
                continue
            other = kinds[kind]
            error = own["spread"] * (1 / own["networks"] + 1 / other["networks"]) ** 0.5
            verdicts[f"{name} / {kind}"] = {
                "times": own["networks_an_hour"] / other["networks_an_hour"],
                "times_an_epoch": other["seconds_an_epoch"] / own["seconds_an_epoch"],
                "accuracy_difference": own["test_accuracy"] - other["test_accuracy"],
                "within_seed_noise": abs(own["test_accuracy"] - other["test_accuracy"]) <= NOISE * error,
            }
    return verdicts


def choice_of(text: str) -> Choice:
    """The choice that was written as text."""
    mode, _, size = text.rpartition(" ")
    return Choice(next(known for known in MODES if known == mode), int(size))


def _bound(
    recipe: Recipe, bench: Bench, found: Mapping[str, Any], fleets: Mapping[Precision, tuple[Choice, list[Recipe]]]
) -> dict[str, Any]:
    """What holds the faster of the two precisions back, from a profile of its engine's steps."""
    precision = max(fleets, key=lambda p: found["kinds"][f"gapbench_{p}"]["networks_an_hour"])
    choice = fleets[precision][0]
    data = data_of(recipe, bench.data_dir)
    jobs = [Job(recipe=recipe.replace(seed=seed), data=data) for seed in range(choice.size)]
    trainer = Trainer(shape_of(recipe), jobs, bench.device, torch.float32, precision)
    engine = engine_of(choice.mode, choice.size, trainer.network, recipe.optimizer, precision)
    runs = [trainer.entrance.admitted(job, 0) for job in jobs]
    engine.change([], [trainer.entrance.member(run) for run in runs])
    batch = next(trainer.epochs.batches(engine, runs))
    share = found["kinds"][f"gapbench_{precision}"]["share_of_peak"]
    with exactly(bench.device):
        held = bound(lambda: engine.step(batch), bench.device, share)
    if bench.device.type == "cuda":
        held["gigabytes"] = torch.cuda.max_memory_allocated(bench.device) / 1e9
    return {"precision": precision, "engine": str(choice)} | held
