"""The fleet against the one-by-one loop, over the shapes of the digits suite, in one process on the same threads."""

import os
import time
from collections import defaultdict

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from zoo.recipe import Recipe
from zoo.suites.registry import suite
from zoo.training.train import shape_of, train

EPOCHS = 5  # of each network: enough that a training's fixed costs weigh no more than in a whole run
ROUNDS = 2
LEAST_RATIO = 3.0  # networks per hour over the suite


@pytest.fixture(autouse=True)
def _all_threads() -> None:
    """As a program on this machine would run; the tests at large keep to one thread each."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))


def test_fleets_train_the_digits_suite_faster_than_the_loop(benchmark: BenchmarkFixture) -> None:
    """Loop and fleet take turns, shape by shape, at the size that a timing chose; the least of the rounds counts."""
    shapes: dict[Recipe, list[Recipe]] = defaultdict(list)
    for recipe in suite("digits").recipes():
        shapes[shape_of(recipe)].append(recipe.replace(max_epochs=EPOCHS, target_loss=0.0))
    least: dict[tuple[Recipe, str], float] = defaultdict(lambda: float("inf"))
    sizes: dict[Recipe, int] = {}

    def measured() -> None:
        for shape, recipes in shapes.items():
            sizes[shape] = next(train(recipes, fleet="auto")).record.fleet
            for _ in range(ROUNDS):
                for kind, size in (("loop", 1), ("fleet", sizes[shape])):
                    start = time.perf_counter()
                    assert len(list(train(recipes, fleet=size))) == len(recipes)
                    least[shape, kind] = min(least[shape, kind], time.perf_counter() - start)

    benchmark.pedantic(measured, rounds=1, iterations=1)
    networks = sum(map(len, shapes.values()))
    seconds = {kind: sum(least[shape, kind] for shape in shapes) for kind in ("loop", "fleet")}
    ratio = seconds["loop"] / seconds["fleet"]
    for shape, recipes in shapes.items():
        gain = least[shape, "loop"] / least[shape, "fleet"]
        print(f"{shape.model:10} width {shape.width:g}, n {shape.train_size}: fleet of {sizes[shape]:2}, x{gain:.1f}, "
              f"{len(recipes)} networks")  # fmt: skip
    print(f"{networks} networks: loop {seconds['loop']:.1f} s, fleet {seconds['fleet']:.1f} s, x{ratio:.2f}")
    benchmark.extra_info.update(seconds, ratio=ratio)

    assert ratio >= LEAST_RATIO
