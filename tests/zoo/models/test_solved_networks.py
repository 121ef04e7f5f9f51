"""A network that is solved is one like any other: its record, its scores, its draws, and what its recipe refuses."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch.func import functional_call, vmap

from measures import score
from tests.zoo.models.test_closed_form import images, logits_of, solved
from zoo.errors import UnknownModelError
from zoo.models.build import build
from zoo.models.closed_form import unsolved
from zoo.recipe import Recipe
from zoo.recipe_fields import SOLVED
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.record import TrainedRun
from zoo.training.train import data_of, network_of, train


def both_seeds(model: str) -> list[TrainedRun]:
    """Two runs of 24 examples that differ in the seed."""
    base = Recipe(model=model, train_size=24)
    if model == "gradient_descent":  # until it fits
        base = base.replace(learning_rate=0.02, max_epochs=20_000)
    return list(train([base.replace(seed=seed) for seed in (0, 1)]))


@pytest.mark.parametrize("model", SOLVED)
def test_the_record_is_what_the_network_does(model: str, tmp_path: Path) -> None:
    """Rebuilt from the recipe and loaded from a file, it gives the same logits; its start has no output at all."""
    run, _ = both_seeds(model)
    data = data_of(run.recipe)
    safetensors.torch.save_file(run.final, tmp_path / "final.safetensors")
    network, initial = network_of(run.recipe, data), network_of(run.recipe, data)
    load_state(network, safetensors.torch.load_file(tmp_path / "final.safetensors"))
    inputs, labels, test_inputs = images(run.recipe)

    assert (run.record.stopped, run.record.epochs, run.record.steps) == ("solved", 0, 0)
    assert run.record.converged
    assert run.record.train_accuracy == 1
    assert (logits_of(network, inputs) == logits_of(solved(run.recipe, inputs, labels), inputs)).all()
    assert all(torch.equal(run.initial[name], value) for name, value in initial.state_dict().items())
    changed = [name for name, value in run.final.items() if not torch.equal(run.initial[name], value)]
    assert changed == ["4.weight" if model == "theorem1" else "1.weight"]
    assert not run.initial[changed[0]].any()
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    by_one = vmap(lambda x: functional_call(network, state, (x.unsqueeze(0),)).squeeze(0))(test_inputs)
    torch.testing.assert_close(by_one, copy.deepcopy(network)(test_inputs), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("model", SOLVED)
def test_every_measure_scores_or_says_why_not(model: str) -> None:
    """The whole catalogue, with a twin of another seed in the same network's shape."""
    runs = both_seeds(model)
    data = data_of(runs[0].recipe)
    network, twin = (network_of(runs[0].recipe, data) for _ in runs)
    load_state(network, runs[0].final)
    load_state(twin, runs[1].final)
    inputs, labels, test_inputs = images(runs[0].recipe)
    scores = score(network, inputs, labels, init_state=runs[0].initial, twin=twin, unlabeled=test_inputs)
    solution = runs[0].final["4.weight" if model == "theorem1" else "1.weight"]

    assert {name: s.why for name, s in scores.items() if s.outcome not in {"scored", "unsupported"}} == {}
    assert all(len(s.why) > 20 for s in scores.values() if s.outcome == "unsupported")
    assert sum(s.outcome == "scored" for s in scores.values()) > 20
    assert scores["fro_dist"].value == pytest.approx(float(solution.square().sum()))


@pytest.mark.parametrize(
    ("model", "drawn"), [("random_features", "0.1.weight"), ("kernel_conv", "0.0.0.filters"), ("theorem1", "1.weight")]
)
def test_the_seed_decides_the_draws(model: str, drawn: str) -> None:
    """Same seed, same features; another seed, others; the global generator is where it was."""
    inputs, _, _ = images(Recipe(train_size=40))
    before = torch.random.get_rng_state()
    first, again, other = (unsolved(Recipe(model=model, seed=seed), inputs, 10).state_dict() for seed in (3, 3, 4))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first[drawn], again[drawn])
    assert not torch.equal(first[drawn], other[drawn])


@pytest.mark.parametrize("model", SOLVED)
@pytest.mark.parametrize("field", ["depth", "optimizer", "learning_rate", "momentum", "batch_size", "max_epochs"])
def test_fields_of_training_are_refused(field: str, model: str) -> None:
    """By name; a train size below the default batch size is none of them. Gradient descent has steps and their size."""
    values: dict[str, Any] = {"optimizer": "adamw", "momentum": 0.5, "learning_rate": 0.5}
    value = values.get(field, 7)
    message = re.escape(f"mean something for {model!r}, which is solved and not trained; got {field}={value!r}")
    if model == "gradient_descent" and field in {"learning_rate", "max_epochs"}:
        assert getattr(Recipe(model=model, **{field: value}), field) == value
    else:
        with pytest.raises(ValueError, match=message):
            Recipe(model=model, **{field: value})
    assert Recipe(model=model, train_size=10).train_size == 10


def test_theorem1_has_neither_width_nor_ridge() -> None:
    """Its size follows from the data."""
    with pytest.raises(ValueError, match=r"got width=2\.0, weight_decay=0\.1"):
        Recipe(model="theorem1", width=2.0, weight_decay=0.1)


def test_misspelt_and_dataless_requests_are_answered() -> None:
    """A near name is suggested; without data there is nothing to solve."""
    with pytest.raises(UnknownModelError, match="Did you mean: kernel_gaussian"):
        Recipe(model="kernel_gausian")
    with pytest.raises(ValueError, match="must be one that is trained; got 'theorem1'"):
        build(Recipe(model="theorem1"), (1, 8, 8), 10, seed=0)
    with pytest.raises(ValueError, match="must be solved in closed form; got 'mlp'"):
        unsolved(Recipe(), torch.zeros(2, 1, 8, 8), 10)
