"""Spread of features within classes against numbers by hand."""

import pytest
import torch
from torch import nn

from zoo.observations.observed import Trained
from zoo.observations.spread import class_spread, penultimate
from zoo.recipe import Recipe
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.record import normalised
from zoo.training.train import data_of, network_of, train


@pytest.mark.parametrize("model", ["mlp", "nin"])
def test_spread_of_two_stages(model: str) -> None:
    """Late that of the trained network; early that of the first of two checkpoints; nothing without checkpoints."""
    recipe = Recipe(
        model=model, train_size=64, batch_size=16, width=0.25, max_epochs=2, target_loss=0.0, checkpoints="doubling"
    )
    (run,) = train([recipe], fleet=1, mode="fleet")
    data = data_of(recipe)
    network = network_of(recipe, data).eval()
    load_state(network, run.final)
    features = penultimate(network, normalised(data.train_images, data))
    classes = [features[data.train_labels == label] for label in range(10)]
    by_hand = sum(float((own - own.mean(0)).square().sum()) for own in classes) / len(features)

    def observed(*snapshots: object) -> dict[str, object]:
        return dict(
            class_spread(Trained(recipe=recipe, data=data, network=network, snapshots=snapshots, data_of=data_of))  # type: ignore[arg-type]
        )

    assert observed() == {}
    found = observed(*run.snapshots)
    assert found["late_class_spread"] == pytest.approx(by_hand)
    load_state(network, run.snapshots[0].state)
    assert observed(*run.snapshots)["late_class_spread"] == pytest.approx(found["early_class_spread"])
    assert found["early_class_spread"] != pytest.approx(by_hand)


def test_features_go_into_the_last_layer() -> None:
    """Of a linear layer as they are; of a convolution averaged over places."""
    plain = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    convolution = nn.Sequential(nn.Conv2d(1, 2, 1))
    images = torch.arange(8.0).view(2, 1, 2, 2)

    assert penultimate(plain, images).tolist() == images.flatten(1).tolist()
    assert penultimate(convolution, images).tolist() == [[1.5], [5.5]]
