"""PAC-Bayes measures of a network of two weights, whose noise scale has a closed form."""

import copy
import math
from collections.abc import Callable
from statistics import NormalDist

import pytest
import torch
from torch import Tensor, nn

from measures.api import Subject
from measures.catalogue.sharpness.pac_bayes import (
    iiw,
    pacbayes_flatness,
    pacbayes_init,
    pacbayes_init_legacy,
    pacbayes_mag_flatness,
    pacbayes_mag_flatness_legacy,
    pacbayes_mag_init,
    pacbayes_mag_init_legacy,
    pacbayes_mag_orig,
    pacbayes_mag_orig_legacy,
    pacbayes_orig,
    pacbayes_orig_legacy,
)
from measures.passes.perturbations import noise_scale as perturbation
from measures.passes.perturbations.noise_scale import published_magnitude_noise_scale, published_noise_scale
from tests.measures.networks import network

Z90 = NormalDist().inv_cdf(0.9)
W = torch.tensor([[3.0], [1.0]], dtype=torch.float64)
W0 = torch.tensor([[0.5], [0.25]], dtype=torch.float64)
SIGMA = 2 / (math.sqrt(2) * Z90)  # the difference of the noises has standard deviation sqrt(2) sigma
M = 7


@pytest.fixture
def two_weights(monkeypatch: pytest.MonkeyPatch) -> Subject:
    """Logits (3 x, x) on M examples x = 1 of class 0, with the noise scale nearly exact."""
    for name in ("MIN_DRAWS", "MAX_DRAWS", "NUM_PAIRS", "SEARCH_PAIRS"):
        monkeypatch.setattr(perturbation, name, 100_000)
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
    subject = Subject(mlp.model, mlp.inputs, mlp.labels, init_state={n: p / 3 for n, p in mlp.params.items()})
    squared_norm = sum(float(p.square().sum()) for p in mlp.params.values())
    expected = (1 - 4 / 9) * squared_norm / 4 * pacbayes_flatness(subject)

    assert pacbayes_orig(subject) - pacbayes_init(subject) == pytest.approx(expected, rel=1e-9)


def test_what_published_code_computes(two_weights: Subject) -> None:
    """The code's s has noise of standard deviation s^2: it finds the root of sigma and puts it in sigma's place."""
    s = math.sqrt(SIGMA)

    assert pacbayes_orig_legacy(two_weights) == pytest.approx(10 / (4 * s**2) + math.log(M / s) + 10, rel=0.005)
    assert pacbayes_init_legacy(two_weights) == pytest.approx(
        (2.5**2 + 0.75**2) / (4 * s**2) + math.log(M / s) + 10, rel=0.005
    )


def published(model: nn.Module) -> nn.Module:
    """A transcription of the published folding: batch norm becomes the identity, with its parameters still there."""
    folded = copy.deepcopy(model)
    before: nn.Conv2d | None = None
    for child in folded.children():
        if isinstance(child, nn.Conv2d):
            before = child
            if child.bias is None:
                child.bias = nn.Parameter(child.weight.new_zeros(child.out_channels))
        elif isinstance(child, nn.BatchNorm2d):
            assert before is not None
            assert before.bias is not None
            assert child.running_var is not None
            assert child.running_mean is not None
            scale = child.weight / (child.running_var + child.eps).sqrt()
            before.bias.data = child.bias + scale * (before.bias - child.running_mean)
            before.weight.data = before.weight * scale[:, None, None, None]
            child.bias.data.zero_()
            child.weight.data.fill_(1)
            child.running_mean.zero_()
            child.running_var.fill_(1 - child.eps)  # the code leaves 1, which is no identity to 5e-6
    return folded.eval()


def mean_drop(model: nn.Module, subject: Subject, std: Callable[[Tensor], Tensor]) -> float:
    """By how much the accuracy drops under noise of this standard deviation on all parameters, over 800 draws."""
    generator, drops = torch.Generator().manual_seed(0), []
    with torch.no_grad():
        right = (model(subject.inputs).argmax(1) == subject.labels).double().mean()
        for _ in range(800):
            noisy = copy.deepcopy(model)
            for p in noisy.parameters():
                p.add_(std(p) * torch.randn(p.shape, generator=generator, dtype=p.dtype))
            drops.append(right - (noisy(subject.inputs).argmax(1) == subject.labels).double().mean())
    return float(torch.stack(drops).mean())


def test_legacy_scales_are_those_of_published_code(conv_bn: Subject) -> None:
    """At its noise the accuracy of the folded network drops by 0.1, to the tolerance of the code's search."""
    folded = published(conv_bn.model)
    s, s_mag = published_noise_scale(conv_bn), pacbayes_mag_flatness_legacy(conv_bn) ** -0.5

    torch.testing.assert_close(folded(conv_bn.inputs), conv_bn.model(conv_bn.inputs))
    assert mean_drop(folded, conv_bn, lambda p: torch.full_like(p, s**2)) == pytest.approx(0.1, abs=0.01)
    assert mean_drop(folded, conv_bn, lambda p: s_mag**2 * p.square() + 1e-6) == pytest.approx(0.1, abs=0.01)


def test_legacy_bounds_are_those_of_published_code() -> None:
    """Over the weights of the folded layers alone, at either end of training."""
    data = network("conv_bn")
    subject = data.subject()
    start = data.build().double().eval()
    start.load_state_dict(data.init_state)
    ends = [
        torch.cat([p.flatten() for p in published(model).parameters() if p.dim() > 1]) for model in (data.model, start)
    ]
    w, moved = ends[0].detach(), (ends[0] - ends[1]).detach()
    s, s_mag, m, omega = published_noise_scale(subject), published_magnitude_noise_scale(subject), 36, len(w)

    def bound(vector: Tensor) -> float:
        return float(vector.square().sum()) / (4 * s**2) + math.log(m / s) + 10

    def magnitude_bound(vector: Tensor) -> float:
        above = 1e-6 + (s_mag**2 + 1) * float(vector.square().sum()) / omega
        below = 1e-6 + s_mag**2 * moved.square()
        return float((above / below).log().sum()) / 4 + math.log(m / s_mag) + 10

    assert pacbayes_orig_legacy(subject) == pytest.approx(bound(w), rel=1e-9)
    assert pacbayes_init_legacy(subject) == pytest.approx(bound(moved), rel=1e-9)
    assert pacbayes_mag_orig_legacy(subject) == pytest.approx(magnitude_bound(w), rel=1e-9)
    assert pacbayes_mag_init_legacy(subject) == pytest.approx(magnitude_bound(moved), rel=1e-9)
    assert pacbayes_mag_flatness_legacy(subject) == pytest.approx(s_mag**-2, rel=1e-9)


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
