"""Ascent in the box of the weights' own shape, and normalised logits, against plain loops."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.sharpness.adaptive_sharpness import (
    ADAPTIVE_RHO,
    BOX,
    RHO,
    asam_l2_logit_norm,
    asam_linf,
    asam_linf_logit_norm,
    sam_sharpness_logit_norm,
)


def loss_of(subject: Subject, flat: Tensor, *, normalise: bool) -> Tensor:
    """Mean loss at parameters [P]."""
    pieces = flat.split([p.numel() for p in subject.params.values()])
    params = {n: part.view_as(p) for (n, p), part in zip(subject.params.items(), pieces, strict=True)}
    logits = subject.forward(params, subject.inputs)
    if normalise:
        logits = torch.stack([(f - f.mean()) / (f - f.mean()).norm() for f in logits])
    return cross_entropy(logits, subject.labels)


def slope_at(subject: Subject, flat: Tensor, *, normalise: bool) -> tuple[float, Tensor]:
    """Loss and gradient [P]."""
    point = flat.clone().requires_grad_()
    loss = loss_of(subject, point, normalise=normalise)
    return float(loss.detach()), torch.autograd.grad(loss, point)[0]


def automatic_ascent(subject: Subject, *, normalise: bool) -> float:
    """The algorithm of the docstring on flat vectors."""
    w = torch.cat([p.flatten() for p in subject.params.values()])
    b = 0.005 * w.abs()
    start, g = slope_at(subject, w, normalise=normalise)
    points = [(start, torch.zeros_like(w), g)]
    u, previous, loss, eta = torch.zeros_like(w), torch.zeros_like(w), start, 2.0
    for step in range(5):
        z = torch.clamp(u + eta * b * g.sign(), -b, b)
        following = z if step == 0 else torch.clamp(u + 0.75 * (z - u) + 0.25 * (u - previous), -b, b)
        u, previous = following, u
        now, g = slope_at(subject, w + u, normalise=normalise)
        points.append((now, u, g))
        if now <= loss:
            best = max(points, key=lambda point: point[0])
            loss, u, g = best
            previous, eta = u, eta / 2
        else:
            loss = now
    return max(value for value, _, _ in points) - start


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_automatic_ascent_is_that_of_a_loop(name: str, request: pytest.FixtureRequest) -> None:
    """Of the loss as it is and of normalised logits."""
    subject: Subject = request.getfixturevalue(name)

    assert asam_linf(subject) == pytest.approx(automatic_ascent(subject, normalise=False), rel=1e-8)
    assert asam_linf_logit_norm(subject) == pytest.approx(automatic_ascent(subject, normalise=True), rel=1e-8)


def test_ascent_goes_back_where_a_step_has_not_raised_the_loss(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a box as wide as the weights steps overshoot, and the algorithm still never does worse than its first step."""
    monkeypatch.setattr("measures.catalogue.sharpness.adaptive_sharpness.BOX", 1.0)
    w = torch.cat([p.flatten() for p in mlp.params.values()])
    before, g = slope_at(mlp, w, normalise=True)
    first = float(loss_of(mlp, w + w.abs() * g.sign(), normalise=True)) - before

    assert asam_linf_logit_norm(mlp) >= first - 1e-12


def test_a_small_box_is_a_matter_of_slope(linear: Subject) -> None:
    """A linear network in a box of half a percent: sum_i b_i |g_i|, and not less, the loss being convex."""
    w = torch.cat([p.flatten() for p in linear.params.values()])
    _, g = slope_at(linear, w, normalise=False)
    first = float((0.005 * w.abs() * g.abs()).sum())

    assert asam_linf(linear) == pytest.approx(first, rel=0.05)
    assert asam_linf(linear) >= first


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_single_steps_of_normalised_logits(name: str, request: pytest.FixtureRequest) -> None:
    """In the ball of radius 0.05 and in the ellipsoid of radius 0.5."""
    subject: Subject = request.getfixturevalue(name)
    w = torch.cat([p.flatten() for p in subject.params.values()])
    before, g = slope_at(subject, w, normalise=True)
    ball, ellipsoid = 0.05 * g / g.norm(), 0.5 * w**2 * g / (w * g).norm()

    assert sam_sharpness_logit_norm(subject) == pytest.approx(
        float(loss_of(subject, w + ball, normalise=True)) - before, rel=1e-8
    )
    assert asam_l2_logit_norm(subject) == pytest.approx(
        float(loss_of(subject, w + ellipsoid, normalise=True)) - before, rel=1e-8
    )


def test_no_direction_of_ascent() -> None:
    """Logits that are all alike have no direction, nor a slope of it."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data.zero_()
    inputs = torch.zeros(2, 1, 1, 2, dtype=torch.float64)
    with pytest.raises(UnsupportedModelError, match="direction of ascent"):
        sam_sharpness_logit_norm(Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.arange(2)))


def test_the_radii() -> None:
    """A change of one is a change of the number, and of the version."""
    assert (RHO, ADAPTIVE_RHO, BOX) == (0.05, 0.5, 0.005)
