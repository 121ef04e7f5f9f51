"""Silenced units: networks whose answer hangs on one unit or on many, and one mask at a time."""

from collections.abc import Callable

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
    """Of one unit: right where it is not silent, a share 1 - q, to the draw; the trapezium rule is exact for a line."""
    spread = 3 * 0.25 * (0.25 / 64) ** 0.5  # three independent shares at most, a quarter each

    assert single_direction_auc(voting(1)) == pytest.approx(1 / 2, abs=4 * spread)
    assert single_direction_auc(voting(200)) == pytest.approx(0.875), "right until all are silent"


def test_a_draw_and_its_opposite_cancel() -> None:
    """Of one unit the share that is silent at z < q and at 1 - z < q: exact at a half."""
    data = voting(1)
    z = torch.rand(64, 1, generator=data.generator("ablation", 1))
    hits = [float((z >= q).double().mean() + (1 - z >= q).double().mean()) / 2 for q in (0.25, 0.5, 0.75)]

    assert hits[1] == 1 / 2
    assert single_direction_auc(data) == pytest.approx(sum(hits) / 4 + 1 / 8)


def areas(hits: Callable[[float, bool], float]) -> float:
    """The trapezium rule over the shares of accuracies, each the mean of that of the draw and of its opposite."""
    accuracies = [(hits(q, False) + hits(q, True)) / 2 for q in (0, 0.25, 0.5, 0.75, 1.01)]
    return float(np.trapezoid(accuracies, dx=0.25))


def test_masks_one_at_a_time(mlp: Subject) -> None:
    """The draws of the measure; both hidden activations lose units."""
    order = mlp.sample(36)
    draws = [torch.rand(36, units, generator=mlp.generator("ablation", place)) for place, units in ((1, 10), (2, 8))]
    parts = list(mlp.model.children())

    def hits(q: float, is_reversed: bool) -> float:
        found = []
        for i, example in enumerate(order.tolist()):
            first, second = ((1 - z[i] if is_reversed else z[i]) >= q for z in draws)
            h = nn.Sequential(*parts[:3])(mlp.inputs[example].unsqueeze(0)) * first
            h = nn.Sequential(*parts[3:5])(h) * second
            found.append(int(parts[5](h).argmax()) == int(mlp.labels[example]))
        return float(np.mean(found))

    assert hits(0, False) > hits(0.5, False)
    assert single_direction_auc(mlp) == pytest.approx(areas(hits), rel=1e-12)


def test_channels_of_maps_fall_silent_as_a_whole(conv_bn: Subject, linear: Subject) -> None:
    """Every channel of a map has one draw an example."""
    order = conv_bn.sample(36)
    draws = [torch.rand(36, units, generator=conv_bn.generator("ablation", place)) for place, units in ((1, 4), (2, 6))]
    parts = list(conv_bn.model.children())

    def hits(q: float, is_reversed: bool) -> float:
        first, second = ((1 - z if is_reversed else z) >= q for z in draws)
        h = nn.Sequential(*parts[:4])(conv_bn.inputs[order]) * first[:, :, None, None]
        h = nn.Sequential(*parts[4:9])(h) * second
        return float((parts[9](h).argmax(1) == conv_bn.labels[order]).double().mean())

    assert single_direction_auc(conv_bn) == pytest.approx(areas(hits), rel=1e-12)
    with pytest.raises(UnsupportedModelError, match="no hidden layer"):
        single_direction_auc(linear)
