"""Power laws: samples of a known law, the figures of WeightWatcher, and layers too small to be fitted alone."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.passes.weights.power_laws import RANK_FLOOR, eigenvalues, fit_power_law, power_laws
from tests.measures import by_hand
from tests.measures.networks import network


def naive_fit(sample: by_hand.Array) -> tuple[float, float, float]:
    """Exponent, xmin and distance by the formulas of Clauset et al., one xmin and one point at a time."""
    fits = []
    for xmin in sorted(sample)[:-1]:
        tail = sorted(x for x in sample if x >= xmin)
        alpha = 1 + len(tail) / sum(math.log(x / xmin) for x in tail)
        differences = [abs(1 - (x / xmin) ** (1 - alpha) - sum(other < x for other in tail) / len(tail)) for x in tail]
        fits.append((max(differences), alpha, xmin))
    distance, alpha, xmin = min(fits)
    return alpha, xmin, distance


def test_against_the_formulas() -> None:
    """On a sample that is no power law."""
    sample = np.random.default_rng(0).lognormal(size=40)

    law = fit_power_law(sample)

    assert law is not None
    assert (law.alpha, law.xmin, law.distance) == pytest.approx(naive_fit(sample), rel=1e-9)
    assert law.tail == (sample >= law.xmin * (1 - 1e-12)).sum()


@pytest.mark.parametrize("alpha", [1.5, 2.5, 4.0])
def test_a_known_exponent_is_found(alpha: float) -> None:
    """To four standard errors of a tail of this length."""
    uniform = np.random.default_rng(0).uniform(size=3000)
    law = fit_power_law(3.0 * uniform ** (-1 / (alpha - 1)))

    assert law is not None
    assert law.alpha == pytest.approx(alpha, abs=4 * (alpha - 1) / math.sqrt(law.tail))
    assert law.distance < 1.63 / math.sqrt(law.tail)  # what one sample in a hundred exceeds


def test_the_scale_is_irrelevant() -> None:
    """Only xmin has a unit."""
    sample = np.random.default_rng(0).lognormal(size=60)
    one, other = fit_power_law(sample), fit_power_law(1e6 * sample)

    assert one is not None
    assert other is not None
    assert (other.alpha, other.distance, other.tail) == pytest.approx((one.alpha, one.distance, one.tail), rel=1e-9)
    assert other.xmin == pytest.approx(1e6 * one.xmin, rel=1e-9)


def test_equal_values_have_no_law() -> None:
    """Nor has a single one."""
    assert fit_power_law(np.ones(60)) is None
    assert fit_power_law(np.ones(1)) is None


def test_zero_but_for_rounding() -> None:
    """Singular values of a rank-deficient matrix in single precision are no sample of a tail."""
    kept = math.sqrt(2 * RANK_FLOOR)
    for scale in (1.0, 1024.0, 1 / 1024):
        singular = scale * np.array([1.0, kept, kept / 2, 0.0])
        np.testing.assert_array_equal(eigenvalues(singular), np.square(singular[:2]))


def perceptron(*widths: int) -> Subject:
    """Linear layers of ReLU whose entries have heavy tails, in single precision.

    They are drawn by numpy's old generator, which will not change: the figures of the other program hold for them.
    """
    layers: list[nn.Module] = []
    draw = np.random.RandomState(0)
    for into, out in itertools.pairwise(widths):
        layer = nn.Linear(into, out).double()
        layer.weight.data = torch.from_numpy(draw.standard_t(2.5, (out, into)) * 0.1).float().double()
        layers += [layer, nn.ReLU()]
    return Subject(nn.Sequential(*layers[:-1]), torch.zeros(1, widths[0], dtype=torch.float64), torch.tensor([0]))


def test_figures_of_weightwatcher() -> None:
    """Exponent, xmin and distance as version 0.7.7 reports them for the same two layers."""
    laws = power_laws(perceptron(80, 60, 100, 10))

    assert list(laws) == ["0", "2"]  # the third has ten eigenvalues, and no other small layer beside it
    assert laws["0"].alpha == pytest.approx(2.206895509119, rel=1e-9)
    assert laws["0"].xmin == pytest.approx(2.167080552332, rel=1e-9)
    assert laws["0"].distance == pytest.approx(0.139520019472, rel=1e-9)
    assert laws["2"].alpha == pytest.approx(2.698640147947, rel=1e-9)
    assert laws["2"].xmin == pytest.approx(3.400434309403, rel=1e-9)
    assert laws["2"].distance == pytest.approx(0.151210915527, rel=1e-9)


def test_small_layers_share_a_law(mlp: Subject) -> None:
    """26 eigenvalues of three layers, each over the mean of its layer."""
    spectra = [by_hand.eigenvalues(matrix) for matrix in by_hand.matrices("mlp", network("mlp").model.state_dict())]
    alpha, _, distance = naive_fit(np.concatenate([found / found.mean() for found in spectra]))

    laws = power_laws(mlp)

    assert list(laws) == ["1", "3", "5"]
    assert laws["1"] == laws["3"] == laws["5"]
    assert (laws["1"].alpha, laws["1"].distance) == pytest.approx((alpha, distance), rel=1e-9)


def test_large_layers_keep_their_own(mlp: Subject) -> None:
    """Beside small ones enough to be pooled."""
    subject = perceptron(80, 60, 15, 10)
    laws = power_laws(subject)

    assert list(laws) == ["0", "2", "4"]
    assert laws["0"].alpha == pytest.approx(2.206895509119, rel=1e-9)
    assert laws["2"] == laws["4"] != laws["0"]
    assert power_laws(mlp)


def test_too_few_eigenvalues(linear: Subject) -> None:
    """Ten are no sample."""
    with pytest.raises(UnsupportedModelError, match="got 10"):
        power_laws(linear)


def test_orthogonal_layers_have_no_law() -> None:
    """All eigenvalues are one."""
    layer = nn.Linear(64, 64, bias=False).double()
    nn.init.eye_(layer.weight)
    subject = Subject(nn.Sequential(layer), torch.zeros(1, 64, dtype=torch.float64), torch.tensor([0]))

    with pytest.raises(UnsupportedModelError, match="that differ"):
        power_laws(subject)
