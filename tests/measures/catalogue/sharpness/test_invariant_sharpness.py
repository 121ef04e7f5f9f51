"""Scale-free curvature against brute force and dense Hessians."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.sharpness.invariant_sharpness import (
    minimum_sharpness,
    normalized_flat_minima,
    relative_flatness,
    smallest_trade,
)
from measures.per_layer import Layered


def hessian_diagonal(subject: Subject) -> dict[str, Tensor]:
    """Second derivative of the mean loss in each parameter, by autograd, one by one."""
    params = {name: p.clone().requires_grad_() for name, p in subject.params.items()}
    loss = cross_entropy(subject.forward(params, subject.inputs), subject.labels)
    gradients = torch.autograd.grad(loss, list(params.values()), create_graph=True)
    diagonal = {}
    for (name, param), gradient in zip(params.items(), gradients, strict=True):
        entries = [
            torch.autograd.grad(g, param, retain_graph=True)[0].flatten()[i] for i, g in enumerate(gradient.flatten())
        ]
        diagonal[name] = torch.stack(entries).view_as(param)
    return diagonal


def test_minimum_sharpness_is_the_least_trace_over_scales(mlp: Subject) -> None:
    """Traces of the Hessian's blocks, by autograd, under scales found by a general optimizer."""
    diagonal = hessian_diagonal(mlp)
    traces = np.array([float(diagonal[f"{layer}.weight"].sum()) for layer in (1, 3, 5)])
    found = minimize(lambda z: float((traces * np.exp(-2 * np.array([z[0], z[1], -z[0] - z[1]]))).sum()), [0.0, 0.0])

    score = minimum_sharpness(mlp)
    assert score == pytest.approx(float(found.fun), rel=1e-5)
    assert isinstance(score, Layered)
    assert score.layers == pytest.approx(dict(zip(("1", "3", "5"), traces, strict=True)), rel=1e-7)


def test_minimum_sharpness_needs_a_chain(conv_bn: Subject, residual: Subject) -> None:
    """A norm undoes a layer's scale, and a skip keeps it from moving on."""
    with pytest.raises(UnsupportedModelError, match="norm"):
        minimum_sharpness(conv_bn)
    with pytest.raises(UnsupportedModelError, match="add"):
        minimum_sharpness(residual)


def test_relative_flatness_of_the_last_layer(mlp: Subject) -> None:
    """All pairs of rows, with the blocks of the Hessian by autograd."""
    name = "5.weight"
    weight = mlp.params[name]

    def loss(last: Tensor) -> Tensor:
        return cross_entropy(mlp.forward({**mlp.params, name: last}, mlp.inputs), mlp.labels)

    H = torch.autograd.functional.hessian(loss, weight)  # [out, in, out, in]
    expected = sum(float(weight[s] @ weight[r]) * float(H[s, :, r, :].trace()) for s in range(10) for r in range(10))

    assert relative_flatness(mlp) == pytest.approx(expected, rel=1e-9)


def test_relative_flatness_leaves_no_hook(mlp: Subject) -> None:
    """Also in chunks."""
    whole = relative_flatness(mlp)

    assert not any(module._forward_pre_hooks for module in mlp.model.modules())
    assert relative_flatness(Subject(mlp.model, mlp.inputs.flip(0), mlp.labels.flip(0))) == pytest.approx(
        whole, rel=1e-9
    )


def test_relative_flatness_needs_a_linear_output() -> None:
    """A network that ends in a convolution."""
    model = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten()).double()
    with pytest.raises(UnsupportedModelError, match="last layer must be linear"):
        relative_flatness(Subject(model, torch.randn(4, 1, 2, 2).double(), torch.tensor([0, 1, 2, 0])))


def test_the_smallest_trade_by_brute_force() -> None:
    """Against a general optimizer in the logarithms of the scales."""
    generator = torch.Generator().manual_seed(0)
    rise, cost = (torch.rand(3, 4, generator=generator, dtype=torch.float64) for _ in range(2))

    def value(z: np.ndarray) -> float:
        variance = np.exp(z[:3, None] + z[None, 3:])
        return float((rise.numpy() * variance + cost.numpy() / variance).sum())

    assert smallest_trade(rise, cost) == pytest.approx(minimize(value, np.zeros(7), tol=1e-12).fun, rel=1e-7)


def test_the_smallest_trade_of_one_weight() -> None:
    """The sum h v + w^2 / v is least at v = |w| / h^(1/2): twice |w| h^(1/2)."""
    found = smallest_trade(torch.tensor([[9.0]]).double(), torch.tensor([[4.0]]).double())

    assert found == pytest.approx(2 * 2 * 3, rel=1e-12)


def test_a_dead_unit_adds_nothing() -> None:
    """A row of no rise bears any noise; a row of zero weights costs none."""
    rise = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 1.0]]).double()
    cost = torch.tensor([[1.0, 2.0], [5.0, 5.0], [0.0, 0.0]]).double()

    assert smallest_trade(rise, cost) == pytest.approx(smallest_trade(rise[:1], cost[:1]), rel=1e-12)
    assert smallest_trade(rise[1:2], cost[1:2]) == 0


def test_normalized_flat_minima_sums_its_layers(mlp: Subject) -> None:
    """The diagonal of the Hessian by autograd."""
    diagonal = hessian_diagonal(mlp)
    expected = {
        layer: smallest_trade(diagonal[f"{layer}.weight"].clamp(min=0), mlp.params[f"{layer}.weight"].square())
        for layer in ("1", "3", "5")
    }

    score = normalized_flat_minima(mlp)
    assert isinstance(score, Layered)
    assert score.layers == pytest.approx(expected, rel=1e-6)
    assert score == pytest.approx(math.fsum(expected.values()), rel=1e-6)


def test_normalized_flat_minima_sums_over_a_kernel(conv_bn: Subject) -> None:
    """Noise has one scale for each pair of channels."""
    diagonal = hessian_diagonal(conv_bn)
    kernel = smallest_trade(
        diagonal["0.weight"].clamp(min=0).sum((2, 3)), conv_bn.params["0.weight"].square().sum((2, 3))
    )
    score = normalized_flat_minima(conv_bn)

    assert isinstance(score, Layered)
    assert score.layers["0"] == pytest.approx(kernel, rel=1e-6)
    assert sorted(score.layers) == ["0", "4", "9"]
