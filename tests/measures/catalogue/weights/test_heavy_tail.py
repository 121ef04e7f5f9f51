"""Spectra of layers against numpy, scipy and the figures of WeightWatcher."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from torch import nn

from measures.api import Measure, Subject, UnsupportedModelError
from measures.catalogue.weights.heavy_tail import (
    stable_quality,
    weight_effective_rank,
    ww_alpha,
    ww_alpha_weighted,
    ww_ks,
    ww_log_alpha_norm,
    ww_log_norm,
    ww_log_spectral_norm,
    ww_mp_softrank,
    ww_n_spikes,
    ww_rand_distance,
    ww_stable_rank,
    ww_traps,
)
from measures.passes.weights import spectra as spectra_pass
from measures.passes.weights.spectra import randomized_singular_values
from measures.per_layer import Layered
from tests.measures import by_hand
from tests.measures.networks import network
from tests.measures.passes.weights.test_power_laws import perceptron


def layers_of(score: float) -> dict[str, float]:
    """The terms of a score by layer."""
    assert isinstance(score, Layered)
    return dict(score.layers)


@pytest.mark.parametrize(
    ("measure", "figures"),
    [
        (ww_alpha, (2.206895509119, 2.698640147947)),
        (ww_ks, (0.139520019472, 0.151210915527)),
        (ww_alpha_weighted, (2.403626425703, 3.012458231928)),
        (ww_log_alpha_norm, (3.270737509920, 3.803714360045)),
        (ww_log_norm, (2.279004467835, 2.352991545654)),
        (ww_log_spectral_norm, (1.089143738692, 1.116287488059)),
        (ww_stable_rank, (15.483200193859, 17.246622504458)),
    ],
    ids=lambda case: case.name if isinstance(case, Measure) else "",
)
def test_figures_of_weightwatcher(measure: Measure, figures: tuple[float, float]) -> None:
    """What version 0.7.7 reports for the same two layers of at least 50 eigenvalues."""
    found = layers_of(measure(perceptron(80, 60, 100, 10)))

    assert (found["0"], found["2"]) == pytest.approx(figures, rel=1e-9)


@pytest.fixture
def spectra() -> list[by_hand.Array]:
    """Eigenvalues of the layers of the multilayer perceptron."""
    return [by_hand.eigenvalues(matrix) for matrix in by_hand.matrices("mlp", network("mlp").model.state_dict())]


def test_means_over_layers(mlp: Subject, spectra: list[by_hand.Array]) -> None:
    """All layers count alike."""
    alpha = layers_of(ww_alpha(mlp))["1"]

    assert ww_alpha(mlp) == pytest.approx(alpha, rel=1e-12)
    for measure, terms in (
        (ww_log_norm, [math.log10(values.sum()) for values in spectra]),
        (ww_log_spectral_norm, [math.log10(values.max()) for values in spectra]),
        (ww_stable_rank, [values.sum() / values.max() for values in spectra]),
        (ww_alpha_weighted, [alpha * math.log10(values.max()) for values in spectra]),
        (ww_log_alpha_norm, [math.log10((values**alpha).sum()) for values in spectra]),
        (weight_effective_rank, [math.exp(entropy(np.sqrt(values))) for values in spectra]),
    ):
        assert measure(mlp) == pytest.approx(np.mean(terms), rel=1e-9)
        assert list(layers_of(measure(mlp)).values()) == pytest.approx(terms, rel=1e-9)


def test_distance_from_shuffled_layers(mlp: Subject, spectra: list[by_hand.Array]) -> None:
    """The Jensen-Shannon distance of scipy, the mean over sixteen shuffles."""
    shuffled = [values.numpy() ** 2 for values in randomized_singular_values(mlp)]
    expected = [np.mean([jensenshannon(p, q) for q in draws]) for p, draws in zip(spectra, shuffled, strict=True)]

    assert {len(draws) for draws in shuffled} == {16}

    assert ww_rand_distance(mlp) == pytest.approx(np.mean(expected), rel=1e-9)


def of_matrix(matrix: by_hand.Array) -> Subject:
    """One linear layer of this matrix."""
    layer = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False).double()
    layer.weight.data = torch.from_numpy(matrix)
    return Subject(layer, torch.zeros(1, matrix.shape[1], dtype=torch.float64), torch.tensor([0]))


def test_spikes_stand_out_of_noise_and_vanish_when_shuffled() -> None:
    """Three directions of rank one are counted; spread over the matrix in another order they are noise."""
    draw = np.random.default_rng(0)
    directions = sum(
        30 * np.outer(u / np.linalg.norm(u), v / np.linalg.norm(v))
        for u, v in zip(draw.normal(size=(3, 40)), draw.normal(size=(3, 90)), strict=True)
    )
    noise = draw.normal(scale=0.5, size=(40, 90))
    plain, trained = of_matrix(noise), of_matrix(noise + directions)
    lambda_max = np.linalg.norm(noise + directions, 2) ** 2
    bulk = 0.25 * (math.sqrt(40) + math.sqrt(90)) ** 2

    assert (ww_n_spikes(plain), ww_n_spikes(trained)) == (0, 3)
    assert (ww_traps(plain), ww_traps(trained)) == (0, 0)
    assert ww_mp_softrank(plain) == pytest.approx(1, rel=0.1)
    assert ww_mp_softrank(trained) == pytest.approx(bulk / lambda_max, rel=0.1)
    assert ww_rand_distance(trained) > 3 * ww_rand_distance(plain)


def test_an_eigenvalue_of_zero_adds_nothing_to_the_distance() -> None:
    """The limit of p log p; the matrix has a direction that nothing is mapped from."""
    subject = of_matrix(np.diag([3.0, 2.0, 0.0]))
    (shuffled,) = (values.numpy() ** 2 for values in randomized_singular_values(subject))
    expected = np.mean([jensenshannon([9, 4, 0], each) for each in shuffled])

    assert ww_rand_distance(subject) == pytest.approx(expected, rel=1e-9)


def test_large_layers_are_shuffled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their spectra hardly differ between draws."""
    monkeypatch.setattr(spectra_pass, "ENTRIES_SHUFFLED", 100)

    assert [values.shape for values in randomized_singular_values(of_matrix(np.eye(12)))] == [(1, 12)]


def test_the_distance_does_not_depend_on_names() -> None:
    """The same layers in modules of other names."""
    data = network("mlp")
    plain = data.subject()
    renamed = nn.Sequential(nn.Identity(), *copy.deepcopy(data.model).children())

    assert ww_rand_distance(Subject(renamed, data.inputs, data.labels)) == ww_rand_distance(plain)


def test_stable_quality_by_hand() -> None:
    """Singular values 4, 2, 1, and a fourth of zero where rank lacks one; equal values have the right angle."""
    wide = np.zeros((3, 5))
    wide[range(3), range(3)] = [1.0, 4.0, 2.0]

    assert stable_quality(of_matrix(wide)) == pytest.approx(math.atan2(7 / 12, 3 / 4), rel=1e-12)
    assert stable_quality(of_matrix(np.diag([4.0, 2.0, 1.0, 0.0]))) == pytest.approx(math.atan2(7 / 16, 1), rel=1e-7)
    assert stable_quality(of_matrix(3 * np.eye(4))) == pytest.approx(math.pi / 2, rel=1e-12)


def test_one_large_entry_is_a_trap() -> None:
    """It stands out wherever it is put; so does a mean far from zero."""
    noise = np.random.default_rng(0).normal(size=(40, 90))
    alone = noise.copy()
    alone[0, 0] = 60.0

    assert ww_traps(of_matrix(alone)) == 1
    assert ww_traps(of_matrix(noise + 2)) == 1


def test_a_mean_of_counts() -> None:
    """Over layers, of which one has a trap."""
    subject = perceptron(80, 60, 100, 10)

    assert ww_traps(subject) == pytest.approx(np.mean(list(layers_of(ww_traps(subject)).values())), rel=1e-12)
    assert ww_n_spikes(subject) == pytest.approx(np.mean(list(layers_of(ww_n_spikes(subject)).values())), rel=1e-12)


def test_the_sum_of_large_powers_does_not_overflow() -> None:
    """Nearly equal eigenvalues have an exponent in the thousands."""
    matrix = 100 * np.diag(np.linspace(1, 1.001, 64))
    subject = of_matrix(matrix)

    assert ww_alpha(subject) > 500
    assert ww_log_alpha_norm(subject) > 2000


def test_rank_of_equal_and_of_single_directions() -> None:
    """The dimension, and one."""
    assert weight_effective_rank(of_matrix(np.eye(8))) == pytest.approx(8, rel=1e-12)
    assert weight_effective_rank(of_matrix(np.ones((8, 5)))) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    "measure", [ww_log_norm, ww_stable_rank, ww_mp_softrank, weight_effective_rank], ids=lambda measure: measure.name
)
def test_a_layer_of_zeros_is_refused(measure: Measure) -> None:
    """It has no spectrum."""
    with pytest.raises(UnsupportedModelError, match="is zero"):
        measure(of_matrix(np.zeros((4, 4))))
