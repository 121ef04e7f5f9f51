"""Seconds per network for the catalogue: by measure on a ResNet-18, and of ten networks beside the processor."""

from pathlib import Path
from typing import Any, Final

import torch

from measures.api import Measure, Subject
from measures.registry import catalog
from measures.scoring import score_subject
from tests.benchmarks.gpu_report.apart import Part
from tests.benchmarks.gpu_report.device import waited
from tests.benchmarks.gpu_report.images import enlarged
from zoo.corruptions import PreparedData, prepare
from zoo.data.image_set import ImageSet
from zoo.recipe import Recipe
from zoo.training.engines.precision import Precision
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.member import Job
from zoo.training.record import TrainedRun, normalised
from zoo.training.train import data_of, network_of, shape_of
from zoo.training.trainer import Trainer

SHOWN: Final = 3  # the most expensive
ALL: Final = 50_000  # training images of CIFAR-10
CHOSEN: Final[tuple[dict[str, Any], ...]] = (
    {"model": "nin", "width": 2.0},
    {"model": "vit", "width": 2.0, "optimizer": "adamw", "learning_rate": 0.001},
    {"model": "mlp", "width": 1.0},
    {"model": "resnet", "width": 2.0},
    {"model": "nf_resnet", "width": 1.0},
    {"model": "mixer", "width": 2.0, "optimizer": "adamw", "learning_rate": 0.001},
    {"model": "nin", "width": 5.5},
    {"model": "vit", "width": 4.0, "depth": 4, "optimizer": "adamw", "learning_rate": 0.001},
    {"model": "resnet", "width": 4.0, "depth": 4},
    {"model": "nin", "width": 17.0},
)
CHOSEN_EXAMPLES: Final = 1000
PRECISION: Final[Precision] = "float32"


def on_a_resnet18(
    dataset: str | None, data_dir: Path, count: int, device: torch.device, limit: float, part: Part
) -> None:
    """Score a ResNet-18 after one epoch with every measure that needs nothing but data and network.

    A measure that begins a shared pass pays for it in `wall`; `alone` is what it would cost by itself.

    Args:
        dataset: 32x32 images in colour; enlarged digits, made here, if None.
        data_dir: folder of data sets.
        count: examples to train and to score on; fewer where there are not so many.
        device: where.
        limit: seconds for one measure.
        part: where the results go.
    """
    recipe = Recipe(model="resnet18", max_epochs=1, batch_size=min(128, count), learning_rate=0.01)
    data = _data(recipe, dataset, data_dir, count)
    run = _trained(recipe, data, device)
    subject, chosen = _subject(run, data, device), _plain_measures()
    part.keep(examples=len(data.train_labels), asked=len(chosen), limit=limit)
    measures: dict[str, dict[str, Any]] = {}
    begun = waited(device)
    for measure in chosen:
        if part.left < 0:
            break
        start = waited(device)
        score = score_subject(subject, [measure], time_limit=limit)[measure.name]
        measures[measure.name] = {
            "wall": waited(device) - start,
            "alone": score.seconds,
            "outcome": score.outcome,
            "why": score.why.strip().rpartition("\n")[2][:200],
        }
        most = sorted(measures, key=lambda name: measures[name]["alone"], reverse=True)[:SHOWN]
        part.keep(seconds_a_network=waited(device) - begun, measures=measures, most_expensive=most)


def beside_the_processor(
    dataset: str, data_dir: Path, device: torch.device, limit: float, number: int, part: Part
) -> None:
    """Score ten networks, each on the device and then on the processor of the same machine, all measures each."""
    rows: list[dict[str, Any]] = []
    for choices in CHOSEN[:number]:
        if part.left < 0:
            part.keep(left_out=number - len(rows))
            break
        recipe = Recipe(dataset=dataset, train_size=CHOSEN_EXAMPLES if number > 1 else 64, max_epochs=5, **choices)
        with part.failing(f"{choices}"):
            data = data_of(recipe, data_dir)
            run = _trained(recipe, data, device)
            row: dict[str, Any] = {"network": recipe.changed(), "parameters": run.record.num_params}
            rows.append(row)
            for place in (device, torch.device("cpu")):
                row[place.type] = _seconds(run, data, place, limit)
                part.keep(networks=rows, examples=len(data.train_labels), threads=torch.get_num_threads(), limit=limit)


def _seconds(run: TrainedRun, data: PreparedData, device: torch.device, limit: float) -> dict[str, Any]:
    """Of the whole catalogue, and how many measures ended how."""
    subject = _subject(run, data, device)
    start = waited(device)
    scores = score_subject(subject, _plain_measures(), time_limit=limit)
    outcomes = [score.outcome for score in scores.values()]
    return {
        "seconds": waited(device) - start,
        "outcomes": {outcome: outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)},
        "failed": {name: score.why.strip()[-500:] for name, score in scores.items() if score.outcome == "failed"},
    }


def _plain_measures() -> list[Measure]:
    return [measure for measure in catalog().values() if not set(measure.needs) - {"init"}]


def _data(recipe: Recipe, dataset: str | None, data_dir: Path, count: int) -> PreparedData:
    if dataset is not None:
        return data_of(recipe.replace(dataset=dataset, train_size=count if count < ALL else None), data_dir)
    images, labels = enlarged(count, seed=0, test=False)
    others, truth = enlarged(min(count, 1000), seed=1, test=True)
    made = ImageSet(
        name="enlarged", train_images=images, train_labels=labels, test_images=others, test_labels=truth, num_classes=10
    )
    return prepare(made, recipe.data)


def _trained(recipe: Recipe, data: PreparedData, device: torch.device) -> TrainedRun:
    trainer = Trainer(shape_of(recipe), [Job(recipe=recipe, data=data)], device, torch.float32, PRECISION)
    (run,) = trainer.run(1, "loop")
    return run


def _subject(run: TrainedRun, data: PreparedData, device: torch.device) -> Subject:
    network = network_of(run.recipe, data)
    load_state(network, run.final)
    return Subject(network.to(device), normalised(data.train_images, data), data.train_labels, init_state=run.initial)
