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
from measures.passes.weights.folded_network import folded_network
from measures.scoring import numerics


def unit(logits: torch.Tensor) -> torch.Tensor:
    """Logits without their mean, of length one."""
    return torch.stack([(f - f.mean()) / (f - f.mean()).square().sum().sqrt() for f in logits])


@pytest.mark.parametrize("name", ["mlp", "norm_free", "vit"])
def test_rises_are_those_of_a_loop(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean over pairs of a draw and an example minus the loss at the weights; the scales are 0.05 and 0.1."""
    subject: Subject = request.getfixturevalue(name)
    monkeypatch.setattr(perturbation, "LOSS_PAIRS", 8 * 36)
    monkeypatch.setattr(perturbation, "MAX_DRAWS", 8)
    network, draws = folded_network(subject), noise_draws(subject)

    def loss(params: dict[str, torch.Tensor], normalise: bool) -> float:
        logits = network.forward(params, subject.inputs)
        return float(cross_entropy(unit(logits) if normalise else logits, subject.labels))

    def rise(scale: float, magnitude: bool, normalise: bool) -> float:
        under = [
            loss(
                {n: w + scale * (w.abs() if magnitude else 1) * draws[n][i] for n, w in network.params.items()},
                normalise,
            )
            for i in range(8)
        ]
        return sum(under) / 8 - loss(network.params, normalise)

    with numerics():
        assert avg_sharpness(subject) == pytest.approx(rise(0.05, False, False), rel=1e-9)
        assert avg_sharpness_mag(subject) == pytest.approx(rise(0.1, True, False), rel=1e-9)
        assert avg_sharpness_logit_norm(subject) == pytest.approx(rise(0.05, False, True), rel=1e-9)
        assert avg_sharpness_mag_logit_norm(subject) == pytest.approx(rise(0.1, True, True), rel=1e-9)


def test_local_entropy_is_a_mean_of_exponentials(mlp: Subject) -> None:
    """-log of the mean of e^-L over 12 draws, which lies below the mean of L and above the least."""
    draws = noise_draws(mlp)
    networks = [{n: w + 0.05 * draws[n][i] for n, w in mlp.params.items()} for i in range(12)]
    under = [float(cross_entropy(mlp.forward(params, mlp.inputs), mlp.labels)) for params in networks]
    expected = -math.log(sum(math.exp(-loss) for loss in under) / 12)

    assert local_entropy(mlp) == pytest.approx(expected, rel=1e-9)
    assert min(under) < local_entropy(mlp) < sum(under) / 12


def test_small_noise_sees_the_trace_of_the_hessian(linear: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """To second order the mean rise is rho^2 tr H / 2."""
    for name in ("MIN_DRAWS", "MAX_DRAWS", "LOSS_PAIRS"):
        monkeypatch.setattr(perturbation, name, 40_000)
    subject = Subject(linear.model, linear.inputs[:2], linear.labels[:2])

    assert avg_sharpness(subject) == pytest.approx(0.05**2 * hess_trace(subject) / 2, rel=0.15)
