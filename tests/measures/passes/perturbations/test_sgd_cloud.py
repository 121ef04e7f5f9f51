"""The iterates against torch's own optimizer, their sketch against what it stands for."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.passes.perturbations import sgd_cloud as iterates
from measures.passes.perturbations.sgd_cloud import descents, distances
from tests.measures.networks import Network, network


def cloud(data: Network, **changes: object) -> NDArray[np.float64]:
    """Distances between the iterates of a network whose trajectory has other parts."""
    trajectory = replace(data.trajectory(), **changes)  # type: ignore[arg-type]  # any of its fields
    subject = Subject(data.model, data.inputs, data.labels, trajectory=trajectory)
    return distances(subject._with_needs(frozenset({"trajectory"})))


def descent(data: Network, rate: float) -> NDArray[np.float64]:
    """Steps of torch.optim.SGD on all examples, from a copy of the network in eval mode."""
    subject = data.subject()
    model = subject.model.requires_grad_()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    points = []
    for _ in range(iterates.NUM_ITERATES):
        optimizer.zero_grad()
        cross_entropy(model(subject.inputs), subject.labels).backward()
        optimizer.step()
        points.append(torch.cat([p.detach().flatten() for p in model.parameters()]).numpy())
    return np.asarray(cdist(points, points))


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_descent_is_that_of_torch(name: str) -> None:
    """On whole batches there is no chance; the rate is the mean of those of training."""
    data = network(name)

    found = cloud(data, learning_rates=[0.03, 0.01], batch_size=36)
    for chain in found:
        np.testing.assert_allclose(chain, descent(data, 0.02), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_losses_at_every_fourth_step(name: str) -> None:
    """Of torch's own optimizer on whole batches, one network after the other, in the order of the fixed draw."""
    data = network(name)
    trajectory = replace(data.trajectory(), learning_rates=[0.02], batch_size=36)
    subject = Subject(data.model, data.inputs, data.labels, trajectory=trajectory)
    model, order = data.subject().model.requires_grad_(), subject.sample(36)
    inputs, labels = data.inputs.double()[order], data.labels[order]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    expected = []
    for step in range(1, iterates.NUM_ITERATES + 1):
        optimizer.zero_grad()
        cross_entropy(model(inputs), labels).backward()
        optimizer.step()
        if step % 4 == 0:
            expected.append(cross_entropy(model(inputs), labels, reduction="none").detach().numpy())

    for chain in descents(subject._with_needs(frozenset({"trajectory"}))).losses:
        np.testing.assert_allclose(chain, np.array(expected), rtol=1e-6, atol=1e-12)


def test_small_losses_are_exact() -> None:
    """Logits 50 apart leave a loss of e^-50, also in float32, where one less the probability is zero."""
    layer = torch.nn.Linear(2, 2, bias=False)
    layer.weight.data = 25 * torch.tensor([[1.0, -1], [-1, 1]])
    subject = Subject(layer, torch.eye(2), torch.arange(2))
    weights = layer.weight.detach().flatten()[None]

    found = iterates._losses(subject, weights, torch.arange(2)).tolist()
    assert found == [pytest.approx([math.exp(-50)] * 2, rel=1e-6, abs=0)]


def test_minibatches_scatter() -> None:
    """Smaller batches leave the path of the full batch; each is redrawn."""
    data = network("mlp")
    whole, few = cloud(data, batch_size=36), cloud(data, batch_size=4)

    assert np.abs(few - whole).max() > 0.1 * whole.max()
    steps = np.diagonal(few, 1, 1, 2)
    assert len(set(steps.round(12).flatten().tolist())) == iterates.NUM_CHAINS * (iterates.NUM_ITERATES - 1)
    assert np.diagonal(cloud(data, batch_size=1), 1, 1, 2).min() > 0  # the smallest batch there is


def test_every_example_is_met_once_an_epoch(mlp: Subject) -> None:
    """In an order of each chain's own, and in another one in the next epoch; what fills no batch is left out."""
    drawn = torch.stack(list(iterates._draw_minibatches(mlp, 8)), 1)  # [chains, steps, 8] of 36 examples
    epochs = drawn[:, :8].unflatten(1, (2, 4)).flatten(2)

    assert drawn.shape == (iterates.NUM_CHAINS, iterates.NUM_ITERATES, 8)
    orders = epochs.flatten(0, 1).tolist()
    assert all(len(set(order)) == 32 for order in orders)
    assert len({tuple(order) for order in orders}) == len(orders)


def test_networks_that_vmap_refuses_descend_one_after_the_other(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """And come to the same."""
    together = distances(mlp._with_needs(frozenset({"trajectory"})))

    def refuse(*_: object) -> None:
        raise RuntimeError("Batching rule not implemented.")

    monkeypatch.setattr(iterates, "vmap", refuse)
    apart = distances(network("mlp").subject()._with_needs(frozenset({"trajectory"})))

    np.testing.assert_allclose(apart, together, rtol=1e-7, atol=1e-13)


def test_a_sketch_keeps_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    """To about the root of two over its width."""
    data = network("mlp")
    exact = cloud(data)
    monkeypatch.setattr(iterates, "MAX_NUMBERS", 64)
    monkeypatch.setattr(iterates, "MIN_SKETCH", 500)
    sketched = cloud(data)
    apart = ~np.eye(iterates.NUM_ITERATES, dtype=bool)

    assert sum(p.numel() for p in data.model.parameters()) > 500
    error = np.abs(sketched[:, apart] / exact[:, apart] - 1)
    assert 0 < error.max() < 4 * (2 / 500) ** 0.5


def test_a_sketch_puts_each_number_in_one_place_with_a_sign() -> None:
    """Both signs as often, and all places."""
    sketch = iterates._CountSketch(400, 20, network("mlp").subject())
    rows = sketch(torch.eye(400, dtype=torch.float64))

    assert (rows != 0).sum(1).eq(1).all()
    assert sorted(set(rows.flatten().tolist())) == [-1.0, 0.0, 1.0]
    assert abs(float(rows.sum())) < 4 * 400**0.5
    assert (rows != 0).any(0).all()


def test_descent_that_diverges_is_refused() -> None:
    """Weights that are not numbers have no distances."""
    with pytest.raises(UnsupportedModelError, match="diverges at learning rate 1e"):
        cloud(network("conv_bn"), learning_rates=[1e30])


def test_descent_that_does_not_move_is_refused() -> None:
    """A rate of zero leads nowhere; nor does a trajectory without rates."""
    with pytest.raises(UnsupportedModelError, match="does not move"):
        cloud(network("mlp"), learning_rates=[0.0])
    with pytest.raises(UnsupportedModelError, match="no learning rates"):
        cloud(network("mlp"), learning_rates=[])
