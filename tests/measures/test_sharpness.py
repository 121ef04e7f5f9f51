"""One step up the gradient, against a plain loop of autograd."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModel
from measures.scoring import numerics
from measures.sharpness import RHO, sam_sharpness


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
    monkeypatch.setattr("measures.sharpness.RHO", 1e-6)
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
    with pytest.raises(UnsupportedModel, match="direction of ascent"):
        sam_sharpness(Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.arange(2)))
