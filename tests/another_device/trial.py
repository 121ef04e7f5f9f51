"""Score or train on the pretended device and on the processor, and print what differs: a JSON list of sentences.

python -m tests.another_device.trial LIBRARY mixing|scoring|training NAME
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast
from unittest.mock import patch

import torch

from measures.api import Subject
from measures.registry import catalog
from measures.scoring import score_subject
from tests.another_device.pretended import register
from tests.measures.networks import network
from tests.zoo.training.test_interventions import BASE, INTERVENTIONS, flat
from zoo.recipe_fields import FAMILIES
from zoo.training.engines.compiled_fleet import WARM_UP_STEPS
from zoo.training.engines.modes import Mode
from zoo.training.train import train

LOOSE = {"gsnr": 0.05}  # in float32 a mean of ratios whose denominators may be rounding errors


def mixing(device: torch.device, _: str) -> Iterator[str]:
    """What a GPU refuses is refused here, and the rest is computed."""
    here, there = torch.ones(2, 2), torch.ones(2, 2, device=device)
    forbidden: dict[str, Callable[[], object]] = {
        "a sum": lambda: here + there,
        "a product": lambda: here @ there,
        "an embedding": lambda: torch.nn.functional.embedding(torch.zeros(2, dtype=torch.int64), there),
        "a convolution": lambda: torch.nn.functional.conv2d(there.view(1, 1, 2, 2), here.view(1, 1, 2, 2)),
        "a processor's draw": lambda: torch.rand(2, generator=torch.Generator(device)),
        "a device's draw": lambda: torch.rand(2, generator=torch.Generator(), device=device),
        "NumPy": there.numpy,
    }
    waits: dict[str, Callable[[], object]] = {
        "a number": lambda: float(there[0, 0]),
        "a copy to the processor": there.cpu,
        "a copy from the processor": lambda: here.to(device),
        "a constant": lambda: torch.tensor([1.0, 2.0], device=device),
        "a mask": lambda: there[there > 0],
        "a draw": lambda: torch.rand(2, generator=torch.Generator(device), device=device),
    }
    for name, act in forbidden.items():
        if not refused(act):
            yield f"{name} must be refused."
    for name, act in waits.items():
        if refused(act):
            yield f"{name} must be had."
        torch.ops.pretended.capture(on=True)
        if not refused(act):
            yield f"{name} must be refused in a recording."
        torch.ops.pretended.capture(on=False)
    if float((there @ there).sum() + torch.tensor(1.0)) != 9 or there[torch.tensor([0])].device != there.device:
        yield "single numbers and indices may lie elsewhere."


def refused(act: Callable[[], object]) -> bool:
    """Whether an error says no."""
    try:
        act()
    except (RuntimeError, TypeError):
        return True
    return False


def scoring(device: torch.device, name: str) -> Iterator[str]:
    """Every measure of a network on either."""
    parts = network(name).parts()
    expected = score_subject(Subject(**parts), catalog().values())
    found = score_subject(Subject(**{**parts, "model": parts["model"].to(device)}), catalog().values())
    for measure, score in found.items():
        other = expected[measure]
        if score.outcome != other.outcome:
            yield f"{measure}: {score.outcome}, not {other.outcome}: {score.why.strip()[-1500:]}"
        elif score.value is not None and other.value is not None:
            allowed = LOOSE.get(measure, 1e-3) * abs(other.value) + 1e-9
            if abs(score.value - other.value) > allowed:
                yield f"{measure}: {score.value}, not {other.value}."


def training(device: torch.device, name: str) -> Iterator[str]:
    """Every family, intervention and optimizer on either, in float64, by an engine: "loop", "fleet" or "graph"."""
    mode = cast("Mode", name)
    cases = {family: BASE.replace(model=family, max_epochs=2) for family in FAMILIES}
    cases["adamw"] = BASE.replace(optimizer="adamw", learning_rate=0.01, weight_decay=0.1, max_epochs=2)
    cases |= {case: BASE.replace(max_epochs=3, **fields) for case, fields in INTERVENTIONS.items()}
    for case, recipe in cases.items():
        recipes = [recipe, recipe.replace(seed=1)]
        expected = {run.recipe: flat(run) for run in train(recipes, fleet=2, dtype=torch.float64)}
        runs = train(recipes, fleet=1 if mode == "loop" else 2, mode=mode, device=device, dtype=torch.float64)
        try:
            with (
                patch("zoo.training.engines.modes.cuda_graph", recorded),
                patch("zoo.training.train.require_mode"),
            ):  # graphs need a GPU
                found = {run.recipe: flat(run) for run in runs}
        except RuntimeError as error:
            yield f"{case}: {error}"
            continue
        for trained, weights in expected.items():
            apart = float((found[trained] - weights).norm() / weights.norm())
            if not apart < 1e-6:
                yield f"{case}, seed {trained.seed}: the weights are {apart:.2g} apart."


def recorded(function: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """Record as a CUDA graph is recorded: some calls to warm up, then one in which nothing may wait for the device."""
    for _ in range(WARM_UP_STEPS):
        function()
    torch.ops.pretended.capture(on=True)
    try:
        answer = function().clone()
    finally:
        torch.ops.pretended.capture(on=False)
    return lambda: answer.copy_(function())


if __name__ == "__main__":
    torch.set_num_threads(1)
    trial = {"mixing": mixing, "scoring": scoring, "training": training}[sys.argv[2]]
    complaints = list(trial(register(Path(sys.argv[1])), sys.argv[3]))
    sys.stdout.write(json.dumps(complaints))
