"""Networks per hour of every family by the loop and by the fleet, and the operations of both."""

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from tests.benchmarks.counting import counted, peak_of_process, seconds_of
from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES
from zoo.training.train import train

NETWORKS = 6
HOUR = 3600.0


@pytest.mark.parametrize("family", FAMILIES)
def test_training(family: str, benchmark: BenchmarkFixture) -> None:
    """A fleet gives torch fewer operations than the loop, and takes less time."""
    torch.set_num_threads(1)
    base = Recipe(dataset="digits", model=family, train_size=64, batch_size=32, max_epochs=2, target_loss=0.0)
    recipes = [base.replace(seed=seed) for seed in range(NETWORKS)]

    def fleet() -> None:
        assert len(list(train(recipes, fleet=NETWORKS, mode="fleet"))) == NETWORKS

    def loop() -> None:
        assert len(list(train(recipes, fleet=1, mode="loop"))) == NETWORKS

    benchmark.pedantic(fleet, rounds=2, warmup_rounds=1)
    together, apart = counted(fleet), counted(loop)
    seconds = {"fleet": seconds_of(fleet, 2), "loop": seconds_of(loop, 2)}
    benchmark.extra_info.update(
        counts={f"fleet {name}": count for name, count in together.named().items()}
        | {f"loop {name}": count for name, count in apart.named().items()},
        gains={"loop over fleet, seconds": seconds["loop"] / seconds["fleet"]},
        networks_per_hour={name: NETWORKS * HOUR / spent for name, spent in seconds.items()},
        peak_of_process=peak_of_process(),
    )
    assert together.operations < apart.operations
