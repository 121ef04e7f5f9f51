"""Products and ratios of spectral norms against naive transcriptions in numpy."""

import math

import numpy as np
import pytest
import torch

import measures.catalogue.weights.spectral as spectral_module
from measures.api import Measure, Subject, UnsupportedModelError
from measures.catalogue.weights.spectral import (
    fro_over_spec,
    fro_over_spec_fft,
    prod_of_spec,
    prod_of_spec_fft,
    prod_of_spec_fft_legacy,
    sum_of_spec,
    sum_of_spec_fft,
)
from measures.per_layer import Layered
from tests.measures import by_hand
from tests.measures.networks import network


@pytest.fixture(params=["mlp", "conv_bn"])
def case(request: pytest.FixtureRequest) -> tuple[Subject, list[by_hand.Array]]:
    """A network and its kernels, found without the code under test."""
    data = network(request.param)
    return data.subject(), by_hand.kernels(request.param, data.model.state_dict())


def spectral(kernel: by_hand.Array) -> float:
    """The largest singular value of the reshaped kernel."""
    return float(np.linalg.norm(kernel.reshape(len(kernel), -1), 2))


def by_fourier(kernel: by_hand.Array, side: int) -> float:
    """The largest singular value over the frequencies of an image of this side, as published: a padded transform."""
    if kernel.ndim == 2:
        return spectral(kernel)
    response = np.fft.fft2(kernel.transpose(2, 3, 0, 1), (side, side), axes=(0, 1))
    return float(np.linalg.svd(response, compute_uv=False).max())


def test_reshaped_kernels(case: tuple[Subject, list[by_hand.Array]]) -> None:
    """The product of squared spectral norms, its logarithm and its geometric mean; stable ranks."""
    subject, kernels = case
    product = math.prod(spectral(kernel) ** 2 for kernel in kernels)
    ranks = [(np.linalg.norm(kernel) / spectral(kernel)) ** 2 for kernel in kernels]

    assert prod_of_spec(subject) == pytest.approx(math.log(product), rel=1e-9)
    assert sum_of_spec(subject) == pytest.approx(len(kernels) * product ** (1 / len(kernels)), rel=1e-9)
    assert fro_over_spec(subject) == pytest.approx(sum(ranks), rel=1e-9)


def test_maps_between_images(case: tuple[Subject, list[by_hand.Array]]) -> None:
    """The same of convolutions at 8 x 8 and, after the pooling, 4 x 4 pixels."""
    subject, kernels = case
    norms = [by_fourier(kernel, side) for kernel, side in zip(kernels, (8, 4, 0), strict=True)]
    product = math.prod(norm**2 for norm in norms)
    ratios = [(np.linalg.norm(kernel) / norm) ** 2 for kernel, norm in zip(kernels, norms, strict=True)]

    assert prod_of_spec_fft(subject) == pytest.approx(math.log(product), rel=1e-9)
    assert sum_of_spec_fft(subject) == pytest.approx(len(kernels) * product ** (1 / len(kernels)), rel=1e-9)
    assert fro_over_spec_fft(subject) == pytest.approx(sum(ratios), rel=1e-9)


def test_the_published_size_is_that_of_the_input(case: tuple[Subject, list[by_hand.Array]]) -> None:
    """All convolutions at 8 x 8."""
    subject, kernels = case
    expected = 2 * sum(math.log(by_fourier(kernel, 8)) for kernel in kernels)

    assert prod_of_spec_fft_legacy(subject) == pytest.approx(expected, rel=1e-9)


def test_the_published_norm_ignores_strides() -> None:
    """A strided convolution is a part of the map without stride, so that its norm is smaller."""
    data = network("linear")
    torch_kernel = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, stride=2, bias=False), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(36, 10)
    ).double()
    model[0].weight.data = torch_kernel
    subject = Subject(model, data.inputs, data.labels)
    head = 2 * math.log(spectral(subject.params["3.weight"].numpy()))

    assert prod_of_spec_fft_legacy(subject) == pytest.approx(
        2 * math.log(by_fourier(torch_kernel.numpy(), 8)) + head, rel=1e-9
    )
    assert prod_of_spec_fft(subject) < prod_of_spec_fft_legacy(subject)


def test_the_published_way_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of 8 x 8 frequencies of matrices [6, 4] are 768 numbers; a multilayer perceptron has none."""
    monkeypatch.setattr(spectral_module, "MOST_NUMBERS", 767)
    with pytest.raises(UnsupportedModelError, match="hold 768 numbers; the limit is 767"):
        prod_of_spec_fft_legacy(network("conv_bn").subject())
    assert math.isfinite(prod_of_spec_fft_legacy(network("mlp").subject()))
    monkeypatch.setattr(spectral_module, "MOST_NUMBERS", 768)
    assert math.isfinite(prod_of_spec_fft_legacy(network("conv_bn").subject()))


def test_scores_keep_their_layers(conv_bn: Subject) -> None:
    """Stable ranks and logarithms of factors by the names of the layers."""
    kernels = by_hand.kernels("conv_bn", network("conv_bn").model.state_dict())
    ranks = [(np.linalg.norm(kernel) / spectral(kernel)) ** 2 for kernel in kernels]
    logarithms = [2 * math.log(spectral(kernel)) for kernel in kernels]

    for measure, terms in ((fro_over_spec, ranks), (prod_of_spec, logarithms)):
        score = measure(conv_bn)
        assert isinstance(score, Layered)
        assert score.layers == pytest.approx(dict(zip(("0", "4", "9"), terms, strict=True)), rel=1e-9)


@pytest.mark.parametrize(
    "measure",
    [prod_of_spec, sum_of_spec, prod_of_spec_fft, sum_of_spec_fft, prod_of_spec_fft_legacy],
    ids=lambda measure: measure.name,
)
def test_products_are_refused_where_they_bound_nothing(vit: Subject, mixer: Subject, measure: Measure) -> None:
    """Layer norm, attention and GELU are named as the reason; ratios stay defined."""
    for subject, reason in ((vit, "scaled_dot_product_attention"), (mixer, "gelu, layer_norm")):
        with pytest.raises(UnsupportedModelError, match=reason):
            measure(subject)
        assert fro_over_spec(subject) > 0
        assert fro_over_spec_fft(subject) > 0
