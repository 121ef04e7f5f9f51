"""Silenced units: networks whose answer hangs on one unit or on many, and one mask at a time."""

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.representation.ablation import single_direction_auc


def voting(units: int) -> Subject:
    """Label 1 where the majority, all alike, says so; without any the answer is 0."""
    network = nn.Sequential(nn.Linear(1, units), nn.ReLU(), nn.Linear(units, 2)).double()
    with torch.no_grad():
        for p in network.parameters():
            p.zero_()
        network.get_parameter("0.weight").fill_(1)
        network.get_parameter("2.weight")[1] = 1
        network.get_parameter("2.bias")[0] = 0.5
    inputs = torch.linspace(1, 2, 64).double().unsqueeze(1)
    return Subject(network, inputs, torch.ones(64).long())


def test_one_unit_bears_everything_or_nothing() -> None:
    """Of one unit: right where it is not silent, a share 1 - q; the trapezium rule is exact for a line."""
    spread = 3 * 0.25 * (0.25 / 64) ** 0.5  # three independent shares at most, a quarter each

    assert single_direction_auc(voting(1)) == pytest.approx(1 / 2, abs=4 * spread)
    assert single_direction_auc(voting(200)) == pytest.approx(0.875), "right until all are silent"


def test_masks_one_at_a_time(mlp: Subject) -> None:
    """The draws of the measure; both hidden activations lose units."""
    order = mlp.sample(36)
    draws = [torch.rand(36, units, generator=mlp.generator("ablation", place)) for place, units in ((1, 10), (2, 8))]
    parts = list(mlp.model.children())
    accuracies = []
    for q in (0, 0.25, 0.5, 0.75, 1):
        hits = []
        for i, example in enumerate(order.tolist()):
            h = nn.Sequential(*parts[:3])(mlp.inputs[example].unsqueeze(0)) * (draws[0][i] >= q)
            h = nn.Sequential(*parts[3:5])(h) * (draws[1][i] >= q)
            hits.append(int(parts[5](h).argmax()) == int(mlp.labels[example]))
        accuracies.append(np.mean(hits))

    assert accuracies[0] > accuracies[2]
    assert single_direction_auc(mlp) == pytest.approx(np.trapezoid(accuracies, dx=0.25), rel=1e-12)


def test_channels_of_maps_fall_silent_as_a_whole(conv_bn: Subject, linear: Subject) -> None:
    """Every channel of a map has one draw an example."""
    order = conv_bn.sample(36)
    draws = [torch.rand(36, units, generator=conv_bn.generator("ablation", place)) for place, units in ((1, 4), (2, 6))]
    parts = list(conv_bn.model.children())
    accuracies = []
    for q in (0, 0.25, 0.5, 0.75, 1):
        h = nn.Sequential(*parts[:4])(conv_bn.inputs[order]) * (draws[0] >= q)[:, :, None, None]
        h = nn.Sequential(*parts[4:9])(h) * (draws[1] >= q)
        accuracies.append(float((parts[9](h).argmax(1) == conv_bn.labels[order]).double().mean()))

    assert single_direction_auc(conv_bn) == pytest.approx(np.trapezoid(accuracies, dx=0.25), rel=1e-12)
    with pytest.raises(UnsupportedModelError, match="no hidden layer"):
        single_direction_auc(linear)
