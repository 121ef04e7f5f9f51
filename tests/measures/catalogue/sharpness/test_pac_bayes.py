"""PAC-Bayes measures of a network of two weights, whose noise scale has a closed form."""

import math
from statistics import NormalDist

import pytest
import torch
from torch import nn

from measures.api import Subject
from measures.catalogue.sharpness.pac_bayes import (
    iiw,
    pacbayes_flatness,
    pacbayes_init,
    pacbayes_init_legacy,
    pacbayes_mag_flatness,
    pacbayes_mag_init,
    pacbayes_mag_orig,
    pacbayes_orig,
    pacbayes_orig_legacy,
)
from measures.passes.perturbations import noise_scale as perturbation

Z90 = NormalDist().inv_cdf(0.9)
W = torch.tensor([[3.0], [1.0]], dtype=torch.float64)
W0 = torch.tensor([[0.5], [0.25]], dtype=torch.float64)
SIGMA = 2 / (math.sqrt(2) * Z90)  # the difference of the noises has standard deviation sqrt(2) sigma
M = 7


@pytest.fixture
def two_weights(monkeypatch: pytest.MonkeyPatch) -> Subject:
    """Logits (3 x, x) on M examples x = 1 of class 0, with the noise scale nearly exact."""
    monkeypatch.setattr(perturbation, "NUM_DRAWS", 100_000)
    layer = nn.Linear(1, 2, bias=False).double()
    layer.weight.data = W.clone()
    model = nn.Sequential(nn.Flatten(), layer)
    ones = torch.ones(M, 1, 1, 1, dtype=torch.float64)
    return Subject(model, ones, torch.zeros(M, dtype=torch.int64), init_state={"1.weight": W0})


def test_pacbayes_flatness(two_weights: Subject) -> None:
    """One over the variance, not over the standard deviation nor over its fourth power."""
    assert pacbayes_flatness(two_weights) == pytest.approx(SIGMA**-2, rel=0.03)


def test_pacbayes_mag_flatness(two_weights: Subject) -> None:
    """The difference has standard deviation sigma' (3^2 + 1^2)^(1/2); epsilon is negligible here."""
    assert pacbayes_mag_flatness(two_weights) == pytest.approx((2 / (Z90 * math.sqrt(10))) ** -2, rel=0.03)


def test_pacbayes_orig(two_weights: Subject) -> None:
    """||w||^2 = 10 over 4 sigma^2, plus log(m / sigma) + 10."""
    expected = 10 / (4 * SIGMA**2) + math.log(M / SIGMA) + 10

    assert pacbayes_orig(two_weights) == pytest.approx(expected, rel=0.005)


def test_pacbayes_init(two_weights: Subject) -> None:
    """||w - w0||^2 = 2.5^2 + 0.75^2 in its place."""
    expected = (2.5**2 + 0.75**2) / (4 * SIGMA**2) + math.log(M / SIGMA) + 10

    assert pacbayes_init(two_weights) == pytest.approx(expected, rel=0.005)


def test_differences_are_exact(mlp: Subject) -> None:
    """Constants cancel in the difference of the two bounds: (||w||^2 - ||w - w0||^2) / (4 sigma^2)."""
    anew = Subject(mlp.model, mlp.inputs, mlp.labels, init_state={n: p / 3 for n, p in mlp.params.items()})
    squared_norm = sum(float(p.square().sum()) for p in mlp.params.values())
    expected = (1 - 4 / 9) * squared_norm / 4 * pacbayes_flatness(anew)

    assert pacbayes_orig(anew) - pacbayes_init(anew) == pytest.approx(expected, rel=1e-9)


def test_what_published_code_computes(two_weights: Subject) -> None:
    """The code's s has noise of standard deviation s^2: it finds the root of sigma and puts it in sigma's place."""
    s = math.sqrt(SIGMA)

    assert pacbayes_orig_legacy(two_weights) == pytest.approx(10 / (4 * s**2) + math.log(M / s) + 10, rel=0.005)
    assert pacbayes_init_legacy(two_weights) == pytest.approx(
        (2.5**2 + 0.75**2) / (4 * s**2) + math.log(M / s) + 10, rel=0.005
    )


def test_magnitude_aware_bounds(mlp: Subject) -> None:
    """Eq. 56 and 57 written out, with the sigma' that the flatness gives."""
    subject = Subject(mlp.model, mlp.inputs, mlp.labels, init_state={n: p / 3 for n, p in mlp.params.items()})
    w = torch.cat([p.flatten() for p in subject.params.values()]).tolist()
    sigma = pacbayes_mag_flatness(subject) ** -0.5
    norm = sum(x * x for x in w)

    def bound(square: float) -> float:
        above = 1e-6 + (sigma**2 + 1) * square / len(w)
        total = sum(math.log(above / (1e-6 + sigma**2 * (x * 2 / 3) ** 2)) for x in w)
        return total / 4 + math.log(36 / sigma) + 10

    assert pacbayes_mag_orig(subject) == pytest.approx(bound(norm), rel=1e-9)
    assert pacbayes_mag_init(subject) == pytest.approx(bound(norm * 4 / 9), rel=1e-9)


def test_information_in_the_weights(two_weights: Subject) -> None:
    """Half the logarithms of 1 + 9 / sigma^2 and 1 + 1 / sigma^2."""
    expected = (math.log(1 + 9 / SIGMA**2) + math.log(1 + 1 / SIGMA**2)) / 2

    assert iiw(two_weights) == pytest.approx(expected, rel=0.03)
