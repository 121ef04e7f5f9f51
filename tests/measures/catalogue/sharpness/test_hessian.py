"""Top eigenvalue and trace of the Hessian against closed forms."""

import pytest
import torch
from torch import Tensor, nn

from measures.api import Subject
from measures.catalogue.sharpness.hessian import hess_fro, hess_top, hess_trace, hess_trace_x_norm
from measures.passes.curvature.hessian_products import Hessian


def linear_softmax_hessian(subject: Subject) -> Tensor:
    """Mean over examples of (diag p - p p^T) kron x~ x~^T with x~ = (x, 1), up to the order of parameters."""
    x = torch.cat([subject.inputs.flatten(1), torch.ones(subject.num_examples, 1, dtype=subject.dtype)], 1)
    p = subject.logits_of(subject.inputs).softmax(1)
    blocks = [torch.kron(q.diag() - q.outer(q), z.outer(z)) for q, z in zip(p, x, strict=True)]
    return torch.stack(blocks).mean(0)


def test_hess_top_of_a_linear_softmax(linear: Subject) -> None:
    """The largest eigenvalue of the closed form."""
    expected = float(torch.linalg.eigvalsh(linear_softmax_hessian(linear))[-1])

    assert hess_top(linear) == pytest.approx(expected, rel=0.01)


def test_hess_trace_of_a_linear_softmax(linear: Subject) -> None:
    """The mean over examples of (1 - ||p||^2)(||x||^2 + 1), exactly: a linear network has nothing beyond its G."""
    p = linear.logits_of(linear.inputs).softmax(1)
    expected = float(((1 - p.square().sum(1)) * (linear.inputs.flatten(1).square().sum(1) + 1)).mean())

    assert hess_trace(linear) == pytest.approx(expected, rel=1e-9)


def test_hess_fro_of_a_linear_softmax(linear: Subject) -> None:
    """The root of the sum of all squared entries of the closed form."""
    assert hess_fro(linear) == pytest.approx(float(linear_softmax_hessian(linear).norm()), rel=1e-9)


def test_hess_trace_x_norm_of_a_linear_softmax(linear: Subject) -> None:
    """Trace times the mean square of the 650 parameters."""
    squared_norm = sum(float(p.square().sum()) for p in linear.params.values())
    expected = float(linear_softmax_hessian(linear).trace()) * squared_norm / 650

    assert hess_trace_x_norm(linear) == pytest.approx(expected, rel=1e-9)


def test_hess_trace_does_not_depend_on_the_seed_on_average(mlp: Subject) -> None:
    """Over twenty seeds the mean is near the sum of the second derivatives, found one by one."""
    estimates = torch.tensor([hess_trace(Subject(mlp.model, mlp.inputs, mlp.labels, seed=seed)) for seed in range(20)])
    operator = Hessian(mlp)
    units = torch.eye(operator.dimension, dtype=mlp.dtype)
    exact = sum(float((operator @ unit) @ unit) for unit in units)

    assert float(estimates.std()) > 0
    assert float(estimates.mean()) == pytest.approx(exact, abs=4 * float(estimates.std()) / 20**0.5)


def test_curvature_of_a_scaled_problem(linear: Subject) -> None:
    """A layer a thousandth of its size before one a thousand times as large: the same function, far sharper."""
    first = nn.Linear(64, 64, bias=False).double()
    first.weight.data = torch.eye(64, dtype=torch.float64)
    second = nn.Linear(64, 10, bias=False).double()
    second.weight.data = linear.params["1.weight"].clone()
    before = Subject(nn.Sequential(nn.Flatten(), first, second), linear.inputs, linear.labels)
    first.weight.data /= 1000
    second.weight.data *= 1000
    after = Subject(nn.Sequential(nn.Flatten(), first, second), linear.inputs, linear.labels)

    assert hess_top(after) > 1e5 * hess_top(before)
    assert hess_trace(after) > 1e5 * hess_trace(before)
