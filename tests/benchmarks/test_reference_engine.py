"""The engine of the reference zoo against the loop that trained networks before it, over the shapes of its suite.

Processor seconds of one thread, so that other work on the machine does not count. The loop with torch's optimizers as
they are by default, with fused ones, in "channels_last" and in bf16 take turns, and the least of the rounds counts.
"""

import time
from collections import defaultdict
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn

from tests.benchmarks.gpu_report.images import images
from zoo.recipe import Recipe
from zoo.suites.registry import suite
from zoo.training.engines.modes import Mode
from zoo.training.engines.precision import Precision
from zoo.training.engines.stacked_fleet import Kind, Member
from zoo.training.train import shape_of, train

IMAGES = 256
ROUNDS = 3
CONVOLUTIONAL = ("nin", "resnet", "nf_resnet", "test_convnext")
ENGINES: dict[str, tuple[Mode, Precision]] = {
    "default": ("loop", "float32"), "fused": ("loop", "float32"), "channels_last": ("channels_last", "float32"),
    "bf16": ("channels_last", "bf16"),
}  # fmt: skip
LEAST_RATIO = 1.1  # over the convolutional families; see docs/performance.md for what was measured


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """As a worker of two on two cores."""
    torch.set_num_threads(1)


def default_optimizer(network: nn.Module, member: Member, kind: Kind) -> torch.optim.Optimizer:
    """The loop's optimizer without its fused steps."""
    weights, rate, decay = network.parameters(), member.learning_rate, member.weight_decay
    if kind == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=member.momentum, weight_decay=decay)
    return torch.optim.AdamW(weights, lr=rate, weight_decay=decay)


def optimizers(engine: str) -> AbstractContextManager[object]:
    """Default steps for the engine of this name, fused ones for the others."""
    if engine == "default":
        return patch("zoo.training.engines.plain_loop._torch_optimizer", default_optimizer)
    return nullcontext()


def test_channels_last_trains_the_reference_suite_faster_than_the_loop(
    tmp_path: Path, benchmark: BenchmarkFixture
) -> None:
    """An epoch of every shape and of both batch sizes; weighted by the steps of the suite's networks."""
    dataset, folder = images(None, tmp_path, IMAGES, 64)
    weights: dict[Recipe, int] = defaultdict(int)  # steps of an epoch of all networks of the shape
    for recipe in suite("cifar10").recipes("reference"):
        shape = shape_of(recipe).replace(dataset=dataset, train_size=IMAGES, unlabeled="none")
        weights[shape] += (recipe.train_size or 0) // recipe.batch_size
    least: dict[tuple[Recipe, str], float] = defaultdict(lambda: float("inf"))

    def measure() -> None:
        for shape in weights:
            recipe = shape.replace(max_epochs=1, target_loss=0.0)
            for _ in range(ROUNDS):
                for name, (mode, precision) in ENGINES.items():
                    start = time.process_time()
                    with optimizers(name):
                        (run,) = train([recipe], data_dir=folder, mode=mode, precision=precision)
                    seconds = (time.process_time() - start) / run.record.steps
                    least[shape, name] = min(least[shape, name], seconds)

    benchmark.pedantic(measure, rounds=1, iterations=1)
    for model in dict.fromkeys(shape.model for shape in weights):
        own = {shape: weight for shape, weight in weights.items() if shape.model == model}
        taken = {name: sum(weight * least[shape, name] for shape, weight in own.items()) for name in ENGINES}
        print(f"{model:14} " + ", ".join(f"{name} {taken['default'] / taken[name]:.2f}" for name in ENGINES))
    convolving = {shape: weight for shape, weight in weights.items() if shape.model in CONVOLUTIONAL}
    total = {name: sum(weight * least[shape, name] for shape, weight in convolving.items()) for name in ENGINES}
    ratios = {name: total["default"] / seconds for name, seconds in total.items()}
    print(f"convolutional families: {ratios}")
    benchmark.extra_info.update(ratios)

    assert ratios["channels_last"] >= LEAST_RATIO
