"""Measure the machine as a whole: fleets in several processes, and two runs that must agree."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from harness.pipeline.executors import execute
from harness.pipeline.run_options import DeviceName, RunOptions
from harness.pipeline.tasks import TaskFailure, TrainTask, split_groups
from harness.pipeline.workers import train_fleet
from tests.benchmarks.gpu_report.apart import Part
from zoo.recipe import Recipe
from zoo.training.engines.modes import LOOPS, Mode, offered
from zoo.training.engines.timing import Choice
from zoo.training.train import train

TOLD: Final = 40  # lines of what pytest says


def several_processes(
    recipes: Sequence[Recipe],
    choice: Choice,
    device: torch.device,
    data_dir: Path | None,
    workers: Sequence[int],
    part: Part,
) -> None:
    """Seconds to train networks of one shape in several processes, each with separate fleets, start-up included.

    Only the server that starts them is there before.
    """
    seconds: dict[str, float] = {}
    size = max(1, choice.size // max(workers))  # small enough that each process has a whole fleet
    mode: Mode = "loop" if size == 1 and choice.mode == "fleet" else choice.mode
    kind: DeviceName = "cuda" if device.type == "cuda" else "cpu"
    first = TrainTask(
        (recipes[0].replace(max_epochs=1),), RunOptions(device=kind, fleet=1, data_dir=data_dir, mode="loop")
    )
    list(execute(train_fleet, [first], executor="processes", workers=1))
    for number in workers:
        if part.left < 0:
            break
        options = RunOptions(device=kind, fleet=size, data_dir=data_dir, mode=mode)
        tasks = [TrainTask(tuple(group), options) for group in split_groups([list(recipes)], number)]
        start = time.perf_counter()
        done = list(execute(train_fleet, tasks, executor="processes", workers=number))
        if failed := [result for result in done if isinstance(result, TaskFailure)]:
            raise RuntimeError(f"Training in {number} processes failed. {failed[0].why}")
        seconds[str(number)] = time.perf_counter() - start
        part.keep(networks=len(recipes), engine=f"{mode} {size}", seconds=seconds)


def repeated(recipes: Mapping[str, Recipe], device: torch.device, data_dir: Path | None, part: Part) -> None:
    """For each network and mode of the device whether two trainings end in the same weights, bit by bit.

    Three networks, two epochs; what is compiled comes last, since that takes minutes.
    """
    found: dict[str, dict[str, Any]] = {}
    for mode in offered(device):
        for name, recipe in recipes.items():
            if part.left < 0:
                part.keep(left_out=f"{mode}, {name}, and what would follow")
                return
            size = 1 if mode in LOOPS else 3
            own = [recipe.replace(seed=seed, max_epochs=2, target_loss=0.0) for seed in range(3)]
            with part.failing(f"{mode}, {name}"):
                first, second = (
                    {
                        run.recipe.run_id: torch.cat([value.double().flatten() for value in run.final.values()])
                        for run in train(own, device=device, data_dir=data_dir, mode=mode, fleet=size)
                    }
                    for _ in range(2)
                )
                found[f"{mode}, {name}"] = {
                    "identical": all(torch.equal(first[run], second[run]) for run in first),
                    "largest_difference": max(float((first[run] - second[run]).abs().max()) for run in first),
                }
                part.keep(repeated=found)


def agreeing(part: Part) -> None:
    """The tests that hold the engines of a GPU to each other; those of compiled fleets last, and of two families."""
    for name, chosen in {
        "recorded and stacked": "on_a_gpu and not inductor",
        "compiled": "on_a_gpu and inductor and (nin or vit)",
    }.items():
        if part.left < 0:
            part.keep(**{name: "the time was up"})
            continue
        command = [
            sys.executable,
            "-m",
            "pytest",
            "tests/zoo/training/engines/test_compiled_fleet.py",
            "-q",
            "-k",
            chosen,
        ]
        try:
            said = subprocess.run(
                [*command, "-p", "no:cacheprovider"],
                capture_output=True,
                text=True,
                check=False,
                timeout=max(part.left, 1),
            ).stdout
        except subprocess.TimeoutExpired as late:
            before = late.stdout or ""  # bytes, though text was asked for
            said = f"{before.decode(errors='replace') if isinstance(before, bytes) else before}\nthe time was up"
        part.keep(**{name: "\n".join(said.strip().splitlines()[-TOLD:])})
