"""The optimised PAC-Bayes bound: its inversion against closed forms, and its parts against transcriptions."""

import math
from itertools import pairwise
from typing import Final

import pytest
import torch

from measures.api import Need, Subject, UnsupportedModelError
from measures.catalogue.sharpness import optimised_bound
from measures.catalogue.sharpness.optimised_bound import invert_kl, pacbayes_opt, training_error
from measures.passes.perturbations.gaussian_posterior import Posterior, posterior
from tests.measures.networks import network

INIT: Final[frozenset[Need]] = frozenset({"init"})


def kl(q: float, p: float) -> float:
    """Divergence of a coin of chance q from one of chance p."""
    return q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))


@pytest.mark.parametrize("q", [0.001, 0.05, 0.5, 0.93])
@pytest.mark.parametrize("p", [0.94, 0.99, 0.999999])
def test_inversion_finds_the_coin(q: float, p: float) -> None:
    """The divergence of two coins gives the second one back."""
    assert invert_kl(q, kl(q, p)) == pytest.approx(-math.log1p(-p), rel=1e-6)


def test_inversion_in_closed_form() -> None:
    """kl(0 || p) = -log(1 - p); kl(1/2 || p) = -log(4 p (1 - p)) / 2; far out, (c + H(q)) / (1 - q)."""
    assert invert_kl(0.0, 3.0) == 3.0
    root = (1 + math.sqrt(1 - math.exp(-2 * 0.7))) / 2
    assert invert_kl(0.5, 0.7) == pytest.approx(-math.log(1 - root), rel=1e-9)
    entropy = -0.2 * math.log(0.2) - 0.8 * math.log(0.8)
    assert invert_kl(0.2, 500.0) == pytest.approx((500 + entropy) / 0.8, rel=1e-12)


def test_inversion_rises_with_error_and_divergence() -> None:
    """A larger training error and a larger divergence give a larger bound, also where it rounds to one."""
    bounds = [[invert_kl(q, c) for c in (1e-9, 0.01, 1.0, 60.0, 61.0)] for q in (0.0, 1e-9, 0.1, 0.9, 0.9999)]

    assert all(low < high for row in bounds for low, high in pairwise(row))
    assert all(low < high for row in zip(*bounds[1:], strict=True) for low, high in pairwise(row))
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-3, abs=1e-5)


def test_training_error_is_the_expectation(mlp: Subject) -> None:
    """A posterior without variance has the error of its mean; with variance, that of many networks drawn otherwise."""
    subject = mlp._with_needs(INIT)
    mean = torch.cat([p.flatten() for p in subject.params.values()])
    still = Posterior(mean, torch.full_like(mean, -40.0), mean)
    moving = Posterior(mean, torch.full_like(mean, math.log(0.3)), mean)
    error = float((subject.logits_of(subject.inputs).argmax(1) != subject.labels).double().mean())
    generator, found = torch.Generator().manual_seed(5), []
    for _ in range(400):
        drawn = mean + 0.3 * torch.randn(len(mean), generator=generator, dtype=torch.float64)
        parts = drawn.split([p.numel() for p in subject.params.values()])
        params = {name: part.view_as(p) for (name, p), part in zip(subject.params.items(), parts, strict=True)}
        answers = subject.forward(params, subject.inputs).argmax(1)
        found.append(float((answers != subject.labels).double().mean()))

    assert training_error(subject, still) == pytest.approx(error, abs=0.01)
    expected = sum(found) / len(found)
    assert expected > error + 0.05
    assert training_error(subject, moving) == pytest.approx(expected, abs=0.03)


def test_the_score_puts_the_parts_together(mlp: Subject) -> None:
    """Both inversions by bisection on the chance itself."""
    subject = mlp._with_needs(INIT)
    found = posterior(subject)

    def invert(q: float, c: float) -> float:
        low, high = q, 1 - 1e-16
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if kl(q, middle) <= c else (low, middle)
        return low

    error = invert(training_error(subject, found), math.log(200) / 256)
    penalty = found.smallest_penalty(subject.num_examples)
    assert penalty < 20  # the bound is far enough from 1 for bisection
    assert pacbayes_opt(mlp) == pytest.approx(-math.log1p(-invert(error, penalty)), rel=1e-3)


def test_no_right_answer_is_no_bound(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of one excludes nothing."""
    monkeypatch.setattr(optimised_bound, "training_error", lambda *_: 1.0)
    with pytest.raises(UnsupportedModelError, match="no error is excluded"):
        pacbayes_opt(mlp)


def test_noise_in_large_networks_is_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the same up to its draws."""
    subject = network("mlp").subject()._with_needs(INIT)
    mean = torch.cat([p.flatten() for p in subject.params.values()])
    found = Posterior(mean, torch.full_like(mean, math.log(0.3)), mean)
    whole = training_error(subject, found)
    monkeypatch.setattr(optimised_bound, "NUMBERS_DRAWN", 100 * len(mean))

    assert training_error(subject, found) == pytest.approx(whole, abs=0.03)
