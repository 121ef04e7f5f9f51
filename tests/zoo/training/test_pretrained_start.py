"""Training that starts from pretrained weights: the head is fresh, frozen layers stay, the record names the file."""

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch

from zoo.errors import RecipeError
from zoo.recipe import Recipe
from zoo.training.member import kept_parameters
from zoo.training.train import train

BASE = Recipe(train_size=64, batch_size=16, learning_rate=0.05, target_loss=0.0, max_epochs=2, weight_decay=0.1)
HEAD = ("5.weight", "5.bias")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network that was trained on random labels, as a user would save them."""
    (run,) = train([BASE.replace(corruption="random_labels", seed=9)], fleet=1)
    path = tmp_path_factory.mktemp("weights") / "trained.safetensors"
    safetensors.torch.save_file(run.final, path)
    return path


def test_a_network_starts_from_the_file_and_a_fresh_head(weights: Path) -> None:
    """Its initial weights, from which distances are measured, are those; the record has the digest of the file."""
    recipe = BASE.replace(pretrained=str(weights))
    (run,), (fresh,) = train([recipe], fleet=1), train([BASE], fleet=1)
    given = safetensors.torch.load_file(weights)

    for name, value in run.initial.items():
        assert torch.equal(value, fresh.initial[name] if name in HEAD else given[name])
        assert not torch.equal(value, run.final[name])
    assert run.record.start_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert fresh.record.start_sha256 is None


def test_frozen_layers_keep_the_weights_of_the_file(weights: Path) -> None:
    """Under weight decay as well, in a fleet with a network that has none; all others are trained."""
    frozen = BASE.replace(pretrained=str(weights), frozen_layers=("1", "3.bias"))
    runs = {run.recipe: run for run in train([frozen, frozen.replace(frozen_layers=(), seed=1)], fleet=2)}
    run = runs[frozen]
    kept = {name for name, value in run.final.items() if torch.equal(value, run.initial[name])}
    assert kept == {"1.weight", "1.bias", "3.bias"}


def test_layers_that_do_not_exist_or_leave_nothing_are_refused() -> None:
    """With the modules that there are."""
    recipe = BASE.replace(pretrained="some.safetensors")
    names = ["1.weight", "1.bias", "3.weight"]
    with pytest.raises(RecipeError, match=r"frozen_layers must name modules of the network; got '2'. It has 1, 3."):
        kept_parameters(recipe.replace(frozen_layers=("2",)), names)
    with pytest.raises(RecipeError, match="frozen_layers must leave something to train"):
        kept_parameters(recipe.replace(frozen_layers=("1", "3")), names)
