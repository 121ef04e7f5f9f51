"""The local learning coefficient and WAIC of models whose posterior is known."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from measures.api import Subject
from measures.catalogue.sharpness.posterior import llc, waic
from measures.passes.perturbations import langevin
from measures.passes.perturbations.langevin import Draws, draws

N = 2048
D = 6


class Logistic(nn.Module):
    """Logits (0, f(w, x)) of inputs [n, d]."""

    def __init__(self, weight: Tensor, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.weight, self.function = nn.Parameter(weight), function

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, 2]."""
        score = self.function(self.weight, x)
        return torch.stack([torch.zeros_like(score), score], 1)


def subject_of(weight: Tensor, function: Callable[[Tensor, Tensor], Tensor]) -> Subject:
    """Labels that the model itself gives to random inputs."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, D, generator=generator, dtype=torch.float64)
    chances = function(weight, x).sigmoid()
    labels = (torch.rand(N, generator=generator, dtype=torch.float64) < chances).long()
    return Subject(Logistic(weight, function), x, labels)


@pytest.fixture
def long_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough draws to compare with an expectation, at most a hundredth of it from localisation."""
    changes = {"NUM_CHAINS": 16, "NUM_STEPS": 400, "BATCH": 256, "NUM_EXAMPLES": N, "LOCALISATION": 0.5}
    for name, value in changes.items():
        monkeypatch.setattr(langevin, name, value)


def linear_score(weight: Tensor, x: Tensor) -> Tensor:
    """A regular model: logistic regression."""
    return x @ weight


def product_score(weight: Tensor, x: Tensor) -> Tensor:
    """A singular model where w_1 w_2 = 0."""
    return weight[0] * weight[1] * x[:, 0]


@pytest.mark.usefixtures("long_chains")
def test_of_a_regular_model_it_is_half_the_number_of_parameters() -> None:
    """And the functional variance in WAIC is d / n, since the posterior's covariance is the inverse of n beta H."""
    weight = torch.linspace(-1, 1, D, dtype=torch.float64)
    subject = subject_of(weight, linear_score)
    # w* are the weights that made the labels, and not those that fit them best: the excess there is known
    x, signs = subject.inputs, 2.0 * subject.labels - 1
    p = (x @ weight).sigmoid()
    hessian = (x * (p * (1 - p))[:, None]).T @ x / N
    gradient = ((p - subject.labels)[:, None] * x).mean(0)
    excess = float(gradient @ torch.linalg.solve(hessian, gradient)) / 2 * N / math.log(N)

    assert softplus(-signs * (x @ weight)).mean() == pytest.approx(float(draws(subject).trained.mean()), rel=1e-12)
    assert llc(subject) == pytest.approx(D / 2 - excess, rel=0.15)
    losses = draws(subject).losses
    predictive = -float(((-losses).exp().mean(0)).log().mean())
    assert waic(subject) - predictive == pytest.approx(D / N, rel=0.2)


@pytest.mark.usefixtures("long_chains")
def test_of_a_singular_model_it_is_the_integral_over_the_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    """L depends on w_1 w_2 alone: by quadrature over the plane, less than the 1 of two regular parameters.

    Curvature grows away from w*, so that steps have to be short.
    """
    for name, value in {"LOCALISATION": 4.0, "STEP": 0.02}.items():
        monkeypatch.setattr(langevin, name, value)
    subject = subject_of(torch.zeros(2, dtype=torch.float64), product_score)
    x, signs = subject.inputs[:, 0].numpy(), 2.0 * subject.labels.numpy() - 1
    products = np.linspace(-16, 16, 1601)
    losses = np.array([np.logaddexp(0, -signs * x * product).mean() for product in products]) - math.log(2)
    grid = np.linspace(-4, 4, 401)
    one, two = np.meshgrid(grid, grid)
    loss = np.interp(one * two, products, losses)
    strength = N / math.log(N)
    mass = np.exp(-strength * loss - 2 * (one**2 + two**2))
    expected = strength * float((mass * loss).sum() / mass.sum())

    assert expected < 0.6
    assert llc(subject) == pytest.approx(expected, rel=0.2)


def test_localisation_takes_part_of_each_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a direction of curvature h it leaves n beta h / (n beta h + gamma) / 2."""
    for name, value in {"NUM_CHAINS": 64, "BATCH": 256, "NUM_EXAMPLES": N}.items():
        monkeypatch.setattr(langevin, name, value)
    weight = torch.zeros(D, dtype=torch.float64)
    subject = subject_of(weight, linear_score)
    curvatures = torch.linalg.eigvalsh(subject.inputs.T @ subject.inputs / N / 4) * N / math.log(N)
    gradient = ((0.5 - subject.labels)[:, None] * subject.inputs).mean(0) * N / math.log(N)
    shift = -gradient / (curvatures.mean() + langevin.LOCALISATION)  # of the mean of the posterior, to first order
    expected = float((curvatures / (curvatures + langevin.LOCALISATION)).sum()) / 2
    expected += float(gradient @ shift + curvatures.mean() * shift @ shift / 2)

    assert llc(subject) == pytest.approx(expected, rel=0.15)


def test_transcription(mlp: Subject) -> None:
    """From the same draws, by loops over examples and draws."""
    found: Draws = draws(mlp)
    rows = found.losses.numpy()  # [r, m]
    predictive = [-math.log(np.mean([math.exp(-loss) for loss in column])) for column in rows.T]
    variances = [np.mean((column - column.mean()) ** 2) for column in rows.T]
    beta = 1 / math.log(mlp.num_examples)

    assert rows.shape == (4 * 8, 36)
    assert llc(mlp) == pytest.approx(36 * beta * (rows.mean() - float(found.trained.mean())), rel=1e-12)
    assert waic(mlp) == pytest.approx(np.mean(predictive) + beta * np.mean(variances), rel=1e-9)
