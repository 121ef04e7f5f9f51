"""What is asked of the machine as a whole: fleets in several processes, and two runs that agree."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from harness.executors import TaskFailure, execute
from harness.tasks import TrainTask, shared_out
from harness.work import train_fleet
from zoo.choice import Choice
from zoo.engines import Mode, offered
from zoo.recipe import Recipe
from zoo.training import train


def several_processes(
    recipes: Sequence[Recipe], choice: Choice, device: torch.device, data_dir: Path | None, workers: Sequence[int]
) -> dict[str, float]:
    """Seconds to train networks of one shape by so many processes, each with fleets of its own, start-up included."""
    seconds = {}
    size = max(1, choice.size // max(workers))  # small enough that each process has a whole fleet
    mode: Mode = "loop" if size == 1 and choice.mode == "fleet" else choice.mode
    for number in workers:
        tasks = [
            TrainTask(tuple(r.changed() for r in group), device.type, size, data_dir, mode)
            for group in shared_out([list(recipes)], number)
        ]
        start = time.perf_counter()
        done = list(execute(train_fleet, tasks, executor="processes", workers=number))
        if failed := [result for result in done if isinstance(result, TaskFailure)]:
            raise RuntimeError(f"Training in {number} processes failed. {failed[0].why}")
        seconds[str(number)] = time.perf_counter() - start
    return seconds


def repeated(
    recipe: Recipe, device: torch.device, data_dir: Path | None, until: float
) -> Mapping[str, Mapping[str, Any]]:
    """For each mode of the device whether two trainings of three networks end in the same weights, bit by bit."""
    recipes = [recipe.replace(seed=seed, max_epochs=2, target_loss=0.0) for seed in range(3)]
    found: dict[str, dict[str, Any]] = {}
    for mode in offered(device):
        if time.monotonic() > until:
            break
        size = 1 if mode == "loop" else 3
        first, second = (
            {
                run.recipe.run_id: torch.cat([value.double().flatten() for value in run.final.values()])
                for run in train(recipes, device=device, data_dir=data_dir, mode=mode, fleet=size)
            }
            for _ in range(2)
        )
        found[mode] = {
            "identical": all(torch.equal(first[name], second[name]) for name in first),
            "largest_difference": max(float((first[name] - second[name]).abs().max()) for name in first),
        }
    return found
