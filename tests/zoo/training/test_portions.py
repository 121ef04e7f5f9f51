"""Recipes of one shape in portions of bounded data, which train the same networks."""

import pytest
import torch

from zoo.recipe import Recipe
from zoo.training import portions as module
from zoo.training.portions import data_bytes, portions
from zoo.training.train import train

BASE = Recipe(train_size=64, max_epochs=2, target_loss=0.0, batch_size=16, width=0.25)
MANY = [BASE.replace(seed=seed % 3, corruption=c) for seed in range(6) for c in ("true_labels", "gaussian")]


def test_bytes_of_data() -> None:
    """A byte a pixel, four of a real one; the second image of a pair, each round, and copies."""
    assert data_bytes(BASE, 10, 64) == 640
    assert data_bytes(BASE.replace(corruption="gaussian"), 10, 64) == 4 * 640
    assert data_bytes(BASE.replace(pairs=3), 10, 64) == 6 * 640
    assert data_bytes(BASE.replace(pretrain_copies=5), 10, 64) == 6 * 640


def test_what_fits_stays_together() -> None:
    """In its order."""
    assert list(portions(MANY, 64, 64)) == [MANY]


def test_portions_hold_a_bounded_number_of_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sets of bytes, or one of reals; recipes of one set stay together, and none is lost."""
    monkeypatch.setattr(module, "HELD_BYTES", 2 * 64 * 64)
    found = list(portions(MANY, 64, 64))

    assert [len({recipe.data for recipe in own}) for own in found] == [2, 1, 1, 1, 1]
    assert sorted(recipe.run_id for own in found for recipe in own) == sorted(recipe.run_id for recipe in MANY)
    assert all(len({recipe.corruption for recipe in own}) == 1 for own in found)


def test_portions_train_the_same_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone in float64."""
    recipes = [BASE.replace(seed=seed) for seed in range(3)]
    together = {run.recipe: run for run in train(recipes, fleet=3, dtype=torch.float64)}
    monkeypatch.setattr(module, "HELD_BYTES", 1)
    for run in train(recipes, fleet=3, dtype=torch.float64):
        for name, value in run.final.items():
            torch.testing.assert_close(value, together[run.recipe].final[name], rtol=1e-6, atol=1e-9)
