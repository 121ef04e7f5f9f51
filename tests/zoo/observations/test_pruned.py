"""Weights at zero against the share that a recipe prunes."""

import pytest

from zoo.observations.observed import Trained
from zoo.observations.pruned import pruned_weights
from zoo.recipe import Recipe
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.train import data_of, network_of, train

BASE = Recipe(train_size=64, batch_size=16, learning_rate=0.05, max_epochs=2, width=0.25, target_loss=0.0)


@pytest.mark.parametrize(("share", "shared"), [(0.0, 0), (0.75, 0), (0.75, 1)])
def test_as_many_weights_are_zero_as_the_recipe_prunes(share: float, shared: int) -> None:
    """Of 16 units on 64 pixels: 64 * 16 + 16 * 16 + 16 * 10 weights."""
    source = BASE.replace(max_epochs=shared) if shared else None
    recipe = BASE.replace(prune=share, source=source)
    (run,) = train([recipe], fleet=1, mode="fleet")
    data = data_of(recipe)
    network = network_of(recipe, data).eval()
    load_state(network, run.final)
    found = pruned_weights(Trained(recipe=recipe, data=data, network=network, snapshots=(), data_of=data_of))

    mask = found["pruned_weights"]
    assert not isinstance(mask, float)
    assert len(mask) == 64 * 16 + 16 * 16 + 16 * 10
    assert sum(mask) == share * len(mask)
    assert found["shared_epochs"] == shared
