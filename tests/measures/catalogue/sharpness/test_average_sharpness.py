"""Mean rise of the loss under noise, against the curvature and a plain loop."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from measures.api import Subject
from measures.catalogue.sharpness.average_sharpness import (
    avg_sharpness,
    avg_sharpness_logit_norm,
    avg_sharpness_mag,
    avg_sharpness_mag_logit_norm,
    local_entropy,
)
from measures.catalogue.sharpness.hessian import hess_trace
from measures.passes.perturbations import noise_scale as perturbation
from measures.passes.perturbations.noise_scale import noise_draws
from measures.scoring import numerics


def unit(logits: torch.Tensor) -> torch.Tensor:
    """Logits without their mean, of length one."""
    return torch.stack([(f - f.mean()) / (f - f.mean()).square().sum().sqrt() for f in logits])


def losses(subject: Subject, scale: float, magnitude: bool, normalise: bool) -> list[float]:
    """Loss at w, and under each draw."""
    draws = noise_draws(subject)
    found = []
    for index in (None, *range(8)):
        params = dict(subject.params)
        if index is not None:
            for name, w in subject.params.items():
                params[name] = w + scale * (w.abs() if magnitude else 1) * draws[name][index]
        logits = subject.forward(params, subject.inputs)
        found.append(float(cross_entropy(unit(logits) if normalise else logits, subject.labels)))
    return found


@pytest.mark.parametrize("name", ["mlp", "conv_bn", "vit"])
def test_rises_are_those_of_a_loop(name: str, request: pytest.FixtureRequest) -> None:
    """The mean over draws minus the loss at the weights; the two scales are 0.05 and 0.1."""
    subject: Subject = request.getfixturevalue(name)

    def rise(scale: float, magnitude: bool, normalise: bool) -> float:
        at_weights, *under = losses(subject, scale, magnitude, normalise)
        return sum(under) / 8 - at_weights

    with numerics():
        assert avg_sharpness(subject) == pytest.approx(rise(0.05, False, False), rel=1e-9)
        assert avg_sharpness_mag(subject) == pytest.approx(rise(0.1, True, False), rel=1e-9)
        assert avg_sharpness_logit_norm(subject) == pytest.approx(rise(0.05, False, True), rel=1e-9)
        assert avg_sharpness_mag_logit_norm(subject) == pytest.approx(rise(0.1, True, True), rel=1e-9)


def test_local_entropy_is_a_mean_of_exponentials(mlp: Subject) -> None:
    """-log of the mean of e^-L, which lies below the mean of L and above the least."""
    _, *under = losses(mlp, 0.05, False, False)
    expected = -math.log(sum(math.exp(-loss) for loss in under) / 8)

    assert local_entropy(mlp) == pytest.approx(expected, rel=1e-9)
    assert min(under) < local_entropy(mlp) < sum(under) / 8


def test_small_noise_sees_the_trace_of_the_hessian(linear: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """To second order the mean rise is rho^2 tr H / 2."""
    monkeypatch.setattr(perturbation, "NUM_DRAWS", 20_000)
    subject = Subject(linear.model, linear.inputs[:2], linear.labels[:2])

    assert avg_sharpness(subject) == pytest.approx(0.05**2 * hess_trace(subject) / 2, rel=0.15)
