"""Products of norms over the margin against naive transcriptions in numpy."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from measures.api import Measure, Subject, UnsupportedModelError
from measures.catalogue.outputs.margins import MARGIN_FLOOR
from measures.catalogue.weights.over_margin import (
    prod_of_fro_over_margin,
    prod_of_spec_over_margin,
    prod_of_spec_over_margin_fft,
    prod_of_spec_over_margin_legacy,
    spec_init_main,
    spec_init_main_fft,
    spec_orig_main,
    spec_orig_main_fft,
    sum_of_fro_over_margin,
    sum_of_spec_over_margin,
    sum_of_spec_over_margin_fft,
)
from tests.measures import by_hand
from tests.measures.catalogue.weights.test_spectral import by_fourier, spectral
from tests.measures.networks import network


@dataclass
class Case:
    """A network, its margin and norms of its layers, found without the code under test."""

    subject: Subject
    margin: float
    frobenius: list[float]
    spectral: list[float]
    fourier: list[float]
    moved: list[float]


@pytest.fixture(params=["mlp", "conv_bn"])
def case(request: pytest.FixtureRequest) -> Case:
    """The labels are the answers of the network, so that the 10th percentile of the margins is positive."""
    data = network(request.param)
    with torch.no_grad():
        logits = data.model(data.inputs)
    answers = logits.argmax(1)
    ends = [by_hand.kernels(request.param, state) for state in (data.model.state_dict(), data.init_state)]
    return Case(
        subject=replace(data, labels=answers).subject(),
        margin=by_hand.tenth_percentile(logits.numpy(), answers.numpy()),
        frobenius=[float(np.linalg.norm(kernel)) for kernel in ends[0]],
        spectral=[spectral(kernel) for kernel in ends[0]],
        fourier=[by_fourier(kernel, side) for kernel, side in zip(ends[0], (8, 4, 0), strict=True)],
        moved=[float(np.linalg.norm(end - start)) for end, start in zip(*ends, strict=True)],
    )


def test_products(case: Case) -> None:
    """Logarithms of products of squared norms over the squared margin, and geometric means."""
    assert case.margin > MARGIN_FLOOR
    for norms, product_measure, mean_measure in (
        (case.spectral, prod_of_spec_over_margin, sum_of_spec_over_margin),
        (case.fourier, prod_of_spec_over_margin_fft, sum_of_spec_over_margin_fft),
        (case.frobenius, prod_of_fro_over_margin, sum_of_fro_over_margin),
    ):
        product = math.prod(norm**2 for norm in norms) / case.margin**2
        assert product_measure(case.subject) == pytest.approx(math.log(product), rel=1e-9)
        assert mean_measure(case.subject) == pytest.approx(len(norms) * product ** (1 / len(norms)), rel=1e-9)


@pytest.mark.parametrize("kind", ["spectral", "fourier"])
def test_main_terms(case: Case, kind: str) -> None:
    """Product times sum of ratios over the squared margin, around the origin and around initialization."""
    norms: list[float] = getattr(case, kind)
    orig, init = {
        "spectral": (spec_orig_main, spec_init_main),
        "fourier": (spec_orig_main_fft, spec_init_main_fft),
    }[kind]
    for measure, weights in ((orig, case.frobenius), (init, case.moved)):
        ratios = sum(weight**2 / norm**2 for weight, norm in zip(weights, norms, strict=True))
        expected = math.prod(norm**2 for norm in norms) * ratios / case.margin**2
        assert measure(case.subject) == pytest.approx(math.log(expected), rel=1e-9)


def test_no_margin_counts_as_the_smallest(mlp: Subject) -> None:
    """More than a tenth is misclassified: the margin is 10^-3, and as published the absolute value."""
    with torch.no_grad():
        margin = by_hand.tenth_percentile(mlp.model(mlp.inputs).numpy(), mlp.labels.numpy())
    matrices = by_hand.matrices("mlp", network("mlp").model.state_dict())
    log_product = 2 * sum(math.log(spectral(matrix)) for matrix in matrices)

    assert margin < 0
    assert prod_of_spec_over_margin(mlp) == pytest.approx(log_product - 2 * math.log(1e-3), rel=1e-9)
    assert prod_of_spec_over_margin_legacy(mlp) == pytest.approx(log_product - 2 * math.log(-margin), rel=1e-9)


def test_as_published_where_the_network_fits(case: Case) -> None:
    """The absolute value of a positive margin is the margin."""
    assert prod_of_spec_over_margin_legacy(case.subject) == pytest.approx(
        prod_of_spec_over_margin(case.subject), rel=1e-12
    )


@pytest.mark.parametrize("measure", [spec_init_main, spec_init_main_fft], ids=lambda measure: measure.name)
def test_an_untrained_network_is_refused(mlp: Subject, measure: Measure) -> None:
    """The logarithm of a distance of zero."""
    still = Subject(mlp.model, mlp.inputs, mlp.labels, init_state=mlp.model.state_dict())

    with pytest.raises(UnsupportedModelError, match="equal to those at initialization"):
        measure(still)


def test_equal_logits_have_no_published_score(mlp: Subject) -> None:
    """A margin of zero has no logarithm; the floor gives the measure of the paper one."""
    state = {**mlp.model.state_dict()}
    state["5.weight"] = state["5.weight"][:1].expand(10, -1)
    state["5.bias"] = torch.zeros(10, dtype=torch.float64)
    mlp.model.load_state_dict(state)
    equal = Subject(mlp.model, mlp.inputs, mlp.labels)

    with pytest.raises(UnsupportedModelError, match="quotient is undefined"):
        prod_of_spec_over_margin_legacy(equal)
    assert math.isfinite(prod_of_spec_over_margin(equal))
