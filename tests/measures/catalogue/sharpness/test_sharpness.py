"""One step up the gradient, against a plain loop of autograd."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.sharpness.sharpness import (
    ADAPTIVE_RHO,
    BATCH,
    KESKAR_EPSILON,
    RHO,
    asam_l2,
    keskar_eps_sharpness,
    m_sharpness,
    sam_sharpness,
)
from measures.scoring import numerics


def test_sam_sharpness_is_the_rise_of_the_loss(subject: Subject) -> None:
    """L(w + rho g / ||g||) - L(w) with the gradient of the mean loss."""
    params = {name: p.clone().requires_grad_() for name, p in subject.params.items()}
    with numerics():
        loss = cross_entropy(subject.forward(params, subject.inputs), subject.labels)
        gradient = torch.autograd.grad(loss, list(params.values()), materialize_grads=True)
        length = torch.cat([g.flatten() for g in gradient]).norm()
        stepped = {n: p + 0.05 * g / length for (n, p), g in zip(subject.params.items(), gradient, strict=True)}
        with torch.no_grad():
            rise = cross_entropy(subject.forward(stepped, subject.inputs), subject.labels) - loss

        assert sam_sharpness(subject) == pytest.approx(float(rise), rel=1e-8)


def test_sam_sharpness_is_first_rho_times_the_slope(linear: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a small radius the rise is rho ||g||; softmax regression is convex, so it is never less."""
    monkeypatch.setattr("measures.catalogue.sharpness.sharpness.RHO", 1e-6)
    x = torch.cat([linear.inputs.flatten(1), torch.ones(linear.num_examples, 1, dtype=linear.dtype)], 1)
    delta = linear.logits_of(linear.inputs).softmax(1)
    delta[torch.arange(linear.num_examples), linear.labels] -= 1
    slope = float((delta.T @ x / linear.num_examples).norm())

    assert sam_sharpness(linear) == pytest.approx(1e-6 * slope, rel=1e-4)
    assert sam_sharpness(linear) >= 1e-6 * slope * (1 - 1e-6)


def test_the_radius_is_that_of_the_paper() -> None:
    """A change of the radius is a change of the number, and of the version."""
    assert RHO == 0.05


def test_no_direction_of_ascent() -> None:
    """A gradient of exactly zero is no number."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data = 1e4 * torch.eye(2, dtype=torch.float64)
    inputs = torch.eye(2, dtype=torch.float64).reshape(2, 1, 1, 2)
    with pytest.raises(UnsupportedModelError, match="direction of ascent"):
        sam_sharpness(Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.arange(2)))


def mean_gradient(subject: Subject, inputs: Tensor, labels: Tensor) -> tuple[float, dict[str, Tensor]]:
    """Mean loss and its gradient, by parameter."""
    params = {name: p.clone().requires_grad_() for name, p in subject.params.items()}
    loss = cross_entropy(subject.forward(params, inputs), labels)
    slopes = torch.autograd.grad(loss, list(params.values()), materialize_grads=True)
    return float(loss.detach()), dict(zip(params, slopes, strict=True))


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_asam_is_the_rise_within_the_ellipsoid(name: str, request: pytest.FixtureRequest) -> None:
    """With u = 0.5 w^2 g / ||w g||, ||u / w|| is 0.5 and <u, g> as large as can be."""
    subject: Subject = request.getfixturevalue(name)
    before, g = mean_gradient(subject, subject.inputs, subject.labels)
    length = torch.cat([(w * g[n]).flatten() for n, w in subject.params.items()]).norm()
    u = {n: 0.5 * w**2 * g[n] / length for n, w in subject.params.items()}
    ratio = torch.cat([(u[n] / w)[w != 0] for n, w in subject.params.items()]).norm()
    logits = subject.forward({n: w + u[n] for n, w in subject.params.items()}, subject.inputs)

    assert float(ratio) == pytest.approx(0.5, rel=1e-9)
    assert asam_l2(subject) == pytest.approx(float(cross_entropy(logits, subject.labels)) - before, rel=1e-8)


def test_m_sharpness_is_the_mean_over_batches(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches of sixteen, each up its own gradient; the four examples that fill none are left out."""
    monkeypatch.setattr("measures.catalogue.sharpness.sharpness.BATCH", 16)
    rises = []
    chosen = mlp.sample(36)
    for batch in (chosen[:16], chosen[16:32]):
        x, y = mlp.inputs[batch], mlp.labels[batch]
        before, g = mean_gradient(mlp, x, y)
        length = torch.cat([part.flatten() for part in g.values()]).norm()
        raised = {n: w + 0.05 * g[n] / length for n, w in mlp.params.items()}
        rises.append(float(cross_entropy(mlp.forward(raised, x), y)) - before)

    assert m_sharpness(mlp) == pytest.approx(sum(rises) / 2, rel=1e-9)


def test_m_sharpness_of_few_examples_is_sam_sharpness(mlp: Subject) -> None:
    """With 36 examples there is one batch, short of 128."""
    assert m_sharpness(mlp) == pytest.approx(sam_sharpness(mlp), rel=1e-9)


def test_m_sharpness_does_not_depend_on_the_order(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are drawn, and not cut where the examples stand."""
    monkeypatch.setattr("measures.catalogue.sharpness.sharpness.BATCH", 16)
    reverse = Subject(mlp.model, mlp.inputs.flip(0), mlp.labels.flip(0))

    assert m_sharpness(reverse) == pytest.approx(m_sharpness(mlp), rel=1e-9)


def test_keskar_sharpness_of_a_linear_network(linear: Subject) -> None:
    """In so small a box the loss rises to first order: 100 sum_i b_i |g_i| / (1 + L) with b = 0.001 (|w| + 1)."""
    before, g = mean_gradient(linear, linear.inputs, linear.labels)
    first = sum(float((0.001 * (w.abs() + 1) * g[n].abs()).sum()) for n, w in linear.params.items())
    corner = {n: w + 0.001 * (w.abs() + 1) * g[n].sign() for n, w in linear.params.items()}
    rise = float(cross_entropy(linear.forward(corner, linear.inputs), linear.labels)) - before

    found = keskar_eps_sharpness(linear)
    assert found == pytest.approx(100 * first / (1 + before), rel=0.1)
    assert found >= 100 * rise / (1 + before) * (1 - 1e-9)


def test_the_other_radii_are_those_of_their_sources() -> None:
    """A change of one is a change of the number, and of the version."""
    assert (ADAPTIVE_RHO, KESKAR_EPSILON, BATCH) == (0.5, 1e-3, 128)
