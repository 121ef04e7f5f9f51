"""Estimate the time that each suite takes on this device, from one of its shapes."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import torch

from measures.api import Measure, Subject
from measures.registry import catalog, select
from measures.scoring import score_subject
from tests.benchmarks.gpu_report.apart import Part
from tests.benchmarks.gpu_report.device import waited
from zoo.errors import UnknownDatasetError
from zoo.models.build import num_params
from zoo.recipe import Recipe
from zoo.recipe_fields import SOLVED
from zoo.suites.registry import Suite, suites
from zoo.suites.study import SizeName
from zoo.training.engines.timing import Choice
from zoo.training.member import Job
from zoo.training.record import normalised
from zoo.training.train import data_of, network_of, shape_of, train
from zoo.training.trainer import Trainer

SIZES: Final = {"digits": 1438, "mnist": 60_000, "cifar10": 50_000, "svhn": 73_257}  # training images
TIMED_FLEET: Final = 32
LEAST_SCORING: Final = 5.0  # seconds of scoring that a suite may take, however little is left
NEEDED: Final = {"init"}  # what a timed network has beside its data; other measures are left out of the time


def expected(
    substitute: str, data_dir: Path, device: torch.device, limit: float, names: Iterable[str], part: Part
) -> None:
    """For every size of every suite: seconds to train its networks at most, and to score them.

    Of each the shape of the median number of steps is timed, in a fleet of up to 32 that is recorded on a GPU, and
    stands for all its networks; where its data are not here, images of their size stand for them. Epochs are the most
    that recipes allow: where a target loss ends training, it takes less.

    Args:
        substitute: 32x32 images in colour, for data that are not here.
        data_dir: folder of data sets.
        device: where.
        limit: seconds for one measure.
        names: of the suites.
        part: where the results go.
    """
    order: tuple[SizeName, ...] = ("full", "small")
    todo = [(suites()[name], size) for size in order for name in names if size in suites()[name].sizes]
    for number, (suite, size) in enumerate(todo):
        if part.left < 0:
            part.keep(left_out=[f"{s.name} {other}" for s, other in todo[number:]])
            return
        with part.failing(f"{suite.name} {size}"):
            allowed = max(LEAST_SCORING, part.left / (len(todo) - number))
            row = _row(suite, size, substitute, data_dir, device, limit, allowed)
            part.keep(suites={**part.found.get("suites", {}), f"{suite.name} {size}": row})


def _row(
    suite: Suite, size: SizeName, substitute: str, data_dir: Path, device: torch.device, limit: float, allowed: float
) -> dict[str, Any]:
    recipes = suite.recipes(size)
    trained = [recipe for recipe in recipes if recipe.model not in SOLVED]
    groups = Counter(shape_of(recipe) for recipe in recipes)
    ordered = sorted(trained or recipes, key=_steps)
    middle = ordered[len(ordered) // 2]
    here = _here(middle, substitute, data_dir)
    chosen = select(suite.study.measures, catalog()) if suite.study.measures else list(catalog().values())
    alone = [measure for measure in chosen if not set(measure.needs) - NEEDED]
    if trained:
        a_step = _seconds_a_step(here, min(TIMED_FLEET, groups[shape_of(middle)]), device, data_dir)
        training = a_step * sum(map(_steps, trained))
    else:
        start = waited(device)
        list(train([here], device=device, data_dir=data_dir))
        a_step, training = 0.0, (waited(device) - start) * len(recipes)
    scoring, done = _seconds_to_score(here, alone, device, data_dir, limit, allowed)
    return {
        "networks": len(recipes),
        "shapes": len(groups),
        "timed": here.changed(),
        "stands_for": middle.dataset,
        "parameters": num_params(network_of(here, data_of(here, data_dir))),
        "milliseconds_a_step_of_a_network": 1e3 * a_step,
        "training_at_most": training,
        "scoring_a_network": scoring,
        "measures": f"{done} of {len(chosen)}",
        "seconds": training + scoring * len(recipes),
        "gpu": _words(training + scoring * len(recipes)),
    }


def _steps(recipe: Recipe) -> int:
    """The most optimizer steps of a recipe."""
    examples = recipe.train_size or SIZES[recipe.dataset]
    return recipe.max_epochs * max(1, examples // recipe.batch_size)


def _here(recipe: Recipe, substitute: str, data_dir: Path) -> Recipe:
    """A recipe on images that are here, alone and without what it builds on."""
    plain = {"source": None, "teacher": None, "tuned_layers": (), "pretrain_copies": 0, "pretrain_erasure": 0.0}
    alone = recipe.replace(**{name: value for name, value in plain.items() if getattr(recipe, name) != value})
    try:
        data_of(alone, data_dir)
    except UnknownDatasetError:
        alone = alone.replace(dataset=substitute)
        try:
            data_of(alone, data_dir)
        except ValueError:  # it has not so many
            alone = alone.replace(train_size=None)
    return alone


def _seconds_a_step(recipe: Recipe, size: int, device: torch.device, data_dir: Path) -> float:
    """Seconds for an optimizer step of one network."""
    data = data_of(recipe, data_dir)
    jobs = [Job(recipe=recipe.replace(seed=seed), data=data) for seed in range(size)]
    trainer = Trainer(shape_of(recipe), jobs, device, torch.float32)
    seconds: Callable[[Choice], float] = trainer._seconds_a_step
    return seconds(Choice("graph" if device.type == "cuda" else "fleet", size)) / size


def _seconds_to_score(
    recipe: Recipe, measures: list[Measure], device: torch.device, data_dir: Path, limit: float, allowed: float
) -> tuple[float, int]:
    """Seconds to score a network at its initialization, and by how many measures: none begins after `allowed`."""
    data = data_of(recipe, data_dir)
    network = network_of(recipe, data)
    initial = {name: value.clone() for name, value in network.state_dict().items()}
    subject = Subject(network.to(device), normalised(data.train_images, data), data.train_labels, init_state=initial)
    start = waited(device)
    done = 0
    for measure in measures:
        if waited(device) - start > allowed:
            break
        score_subject(subject, [measure], time_limit=limit)
        done += 1
    return waited(device) - start, done


def _words(seconds: float) -> str:
    """As `Size.gpu` says it; an estimate, to one or two digits."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 1.5 * unit:
            return f"about {math.ceil(seconds / unit)} {name}, estimated"
    return f"about {math.ceil(seconds)} s, estimated"
