"""Networks an hour by gapbench and by the two baselines, for one shape of network."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, pstdev
from typing import Any, Final

import torch

from tests.benchmarks.gpu_report.baselines import BASELINES, Outcome, trained
from tests.benchmarks.gpu_report.device import bound, step_flops, waited
from zoo.choice import Choice
from zoo.engines import MODES, engine_of
from zoo.member import Job
from zoo.models import num_params
from zoo.precision import Precision
from zoo.recipe import Recipe
from zoo.trainer import Trainer
from zoo.training import data_of, network_of, shape_of, train

PRECISIONS: Final[tuple[Precision, ...]] = ("float32", "bf16")
NOISE: Final = 2.0  # standard errors within which accuracies are the same


class Noted:
    """Remembers a choice with its timings, for the report."""

    def __init__(self) -> None:
        self.choices: dict[str, Choice] = {}
        self.seconds: dict[str, float] = {}
        self.absent: dict[str, str] = {}

    def recall(self, question: str) -> Choice | None:
        """See `zoo.choice.Remembered`."""
        return self.choices.get(question)

    def keep(self, question: str, choice: Choice, seconds: Mapping[str, float], absent: Mapping[str, str]) -> Choice:
        """See `zoo.choice.Remembered`."""
        self.choices[question] = choice
        self.seconds, self.absent = dict(seconds), dict(absent)
        return choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is measured and how long.

    Attributes:
        device: where.
        networks: that gapbench trains.
        rounds: in which the kinds take turns; the least time counts.
        workers: of the DataLoader.
        data_dir: folder of data sets.
        until: when the clock says so, no further round begins.
    """

    device: torch.device
    networks: int
    rounds: int
    workers: int
    data_dir: Path | None
    until: float


def measured(recipe: Recipe, bench: Bench, peaks: Mapping[str, float]) -> dict[str, Any]:
    """All figures of one shape."""
    data = data_of(recipe, bench.data_dir)
    recipes = [recipe.replace(seed=seed) for seed in range(bench.networks)]
    memory = {precision: Noted() for precision in PRECISIONS}
    network = network_of(recipe, data).to(bench.device)
    found: dict[str, Any] = {"parameters": num_params(network), "choices": {}}
    for precision in PRECISIONS:
        jobs = [Job(recipe=r, data=data) for r in recipes]
        start = time.perf_counter()
        choice = Trainer(shape_of(recipe), jobs, bench.device, torch.float32, precision).choose(
            "auto", "auto", memory[precision]
        )
        found["choices"][precision] = {
            "choice": str(choice),
            "seconds_to_choose": time.perf_counter() - start,
            "seconds_for_a_step_of_all": memory[precision].seconds,
            "left_out": memory[precision].absent,
        }
    outcomes: dict[str, list[list[Outcome]]] = {}
    for index in range(bench.rounds):
        if index and time.monotonic() > bench.until:
            break
        for kind in BASELINES:
            own = trained(kind, recipe.replace(seed=index), data, bench.device, bench.workers)
            outcomes.setdefault(kind, []).append([own])
        for precision in PRECISIONS:
            outcomes.setdefault(f"gapbench_{precision}", []).append(_fleet(recipes, precision, memory, bench))
    found["kinds"] = {kind: _figures(rounds) for kind, rounds in outcomes.items()}
    shape = data.train_images[: recipe.batch_size].shape
    flops = step_flops(network, torch.randn(shape, device=bench.device)) * (len(data.train_labels) // recipe.batch_size)
    for kind, figures in found["kinds"].items():
        peak = peaks["float32" if kind.endswith("float32") else "bf16"]
        figures["share_of_peak"] = flops / figures["seconds_an_epoch"] / peak
    found["verdicts"] = _verdicts(found["kinds"])
    found["bound"] = _bound(recipe, bench, found)
    return found


def _fleet(
    recipes: list[Recipe], precision: Precision, memory: Mapping[Precision, Noted], bench: Bench
) -> list[Outcome]:
    """All networks by gapbench; each has its share of the time, choosing not included."""
    start = waited(bench.device)
    runs = list(
        train(
            recipes,
            device=bench.device,
            data_dir=bench.data_dir,
            precision=precision,
            remembered=memory[precision],
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
    for precision in PRECISIONS:
        own = kinds[f"gapbench_{precision}"]
        for kind in BASELINES:
            other = kinds[kind]
            error = own["spread"] * (1 / own["networks"] + 1 / other["networks"]) ** 0.5
            verdicts[f"gapbench_{precision} / {kind}"] = {
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


def _bound(recipe: Recipe, bench: Bench, found: Mapping[str, Any]) -> dict[str, Any]:
    """What holds the faster of the two precisions back, from a profile of its engine's steps."""
    precision = max(PRECISIONS, key=lambda p: found["kinds"][f"gapbench_{p}"]["networks_an_hour"])
    choice = choice_of(found["choices"][precision]["choice"])
    jobs = [Job(recipe=recipe.replace(seed=seed), data=data_of(recipe, bench.data_dir)) for seed in range(choice.size)]
    trainer = Trainer(shape_of(recipe), jobs, bench.device, torch.float32, precision)
    engine = engine_of(choice.mode, choice.size, trainer.network, recipe.optimizer, precision)
    runs = [trainer.entrance.admitted(job, 0) for job in jobs]
    engine.change([], [trainer.entrance.member(run) for run in runs])
    batch = next(trainer.epochs.batches(engine, runs))
    share = found["kinds"][f"gapbench_{precision}"]["share_of_peak"]
    return {"precision": precision, "engine": str(choice)} | bound(lambda: engine.step(batch), bench.device, share)
