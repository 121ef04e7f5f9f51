"""The fleet against the one-by-one loop, over the shapes of the digits suite, in one process on the same threads."""

import os
import time
from collections import defaultdict

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from zoo.recipe import Recipe
from zoo.suites.registry import suite
from zoo.training import shape_of, train

EPOCHS = 6  # of each network: enough that a training's fixed costs weigh no more than in a whole run
ROUNDS = 3
LEAST_RATIO = 3.0  # networks per hour over the suite


@pytest.fixture(autouse=True)
def _all_threads() -> None:
    """As a program on this machine would run; the tests at large keep to one thread each."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))


def test_fleets_train_the_digits_suite_faster_than_the_loop(benchmark: BenchmarkFixture) -> None:
    """Loop and fleet take turns, shape by shape; each shape's time is the least of its rounds."""
    shapes: dict[Recipe, list[Recipe]] = defaultdict(list)
    for recipe in suite("digits").recipes:
        shapes[shape_of(recipe)].append(recipe.replace(max_epochs=EPOCHS, target_loss=0.0))
    least: dict[tuple[Recipe, str], float] = defaultdict(lambda: float("inf"))
    sizes: dict[Recipe, int] = {}

    def measured() -> None:
        for _ in range(ROUNDS):
            for shape, recipes in shapes.items():
                start = time.perf_counter()
                loop = list(train(recipes, fleet=1))
                between = time.perf_counter()
                fleet = list(train(recipes, fleet=sizes.get(shape, "auto")))
                end = time.perf_counter()
                assert len(loop) == len(fleet) == len(recipes)
                least[shape, "loop"] = min(least[shape, "loop"], between - start)
                if shape in sizes:  # the round that chose the size also paid for the choice
                    least[shape, "fleet"] = min(least[shape, "fleet"], end - between)
                sizes[shape] = fleet[0].record.fleet

    benchmark.pedantic(measured, rounds=1, iterations=1)
    networks = sum(map(len, shapes.values()))
    seconds = {kind: sum(least[shape, kind] for shape in shapes) for kind in ("loop", "fleet")}
    ratio = seconds["loop"] / seconds["fleet"]
    for shape, recipes in shapes.items():
        gain = least[shape, "loop"] / least[shape, "fleet"]
        print(f"{shape.model:10} width {shape.width:g}, n {shape.train_size}: fleet of {sizes[shape]:2}, x{gain:.1f}, "
              f"{len(recipes)} networks")  # fmt: skip
    print(f"{networks} networks of {EPOCHS} epochs: loop {seconds['loop']:.1f} s, fleet {seconds['fleet']:.1f} s, x{ratio:.2f}")
    benchmark.extra_info.update(seconds, ratio=ratio)

    assert ratio >= LEAST_RATIO
