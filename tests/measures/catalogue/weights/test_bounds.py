"""Bounds from products of norms against naive transcriptions in numpy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from measures.api import Measure, Subject, UnsupportedModelError
from measures.catalogue.weights.bounds import bartlett_spec, l1_inf, l3_1_5, neyshabur_spec_fro, trace_norm
from tests.measures import by_hand
from tests.measures.catalogue.weights.test_spectral import spectral
from tests.measures.networks import NUM_EXAMPLES, Network, network

Ends = tuple[list[by_hand.Array], list[by_hand.Array]]


@pytest.fixture(params=["mlp", "conv_bn"])
def data(request: pytest.FixtureRequest) -> Network:
    """Two plain networks."""
    return network(request.param)


def fitting(data: Network) -> tuple[Subject, float]:
    """The network with its answers as labels, so that the margin is positive, and the margin."""
    with torch.no_grad():
        logits = data.model(data.inputs)
    answers = logits.argmax(1)
    return replace(data, labels=answers).subject(), by_hand.tenth_percentile(logits.numpy(), answers.numpy())


def ends(data: Network) -> Ends:
    """Matrices after and before training."""
    return by_hand.matrices(data.name, data.model.state_dict()), by_hand.matrices(data.name, data.init_state)


def test_bartlett(data: Network) -> None:
    """Rows of the displacement are the columns of its transpose."""
    subject, margin = fitting(data)
    after, before = ends(data)
    moved = [sum(float(np.linalg.norm(row)) for row in w - w0) for w, w0 in zip(after, before, strict=True)]
    ratios = sum((b / spectral(w)) ** (2 / 3) for b, w in zip(moved, after, strict=True)) ** 1.5
    num_params = sum(p.numel() for p in data.model.parameters())
    product = math.prod(spectral(w) for w in after)
    expected = math.log(NUM_EXAMPLES) * math.log(num_params) / math.sqrt(NUM_EXAMPLES) * product * ratios / margin

    assert bartlett_spec(subject) == pytest.approx(math.log(expected), rel=1e-9)


def test_neyshabur(data: Network) -> None:
    """Each layer's outputs times its squared distance over its squared norm, under a root."""
    subject, margin = fitting(data)
    after, before = ends(data)
    ratios = sum(
        len(w) * (float(np.linalg.norm(w - w0)) / spectral(w)) ** 2 for w, w0 in zip(after, before, strict=True)
    )
    product = math.prod(spectral(w) for w in after)
    expected = len(after) * product * math.sqrt(ratios) / margin / math.sqrt(NUM_EXAMPLES)

    assert neyshabur_spec_fro(subject) == pytest.approx(math.log(expected), rel=1e-9)


def test_rows(data: Network) -> None:
    """The largest l1-norm of a row, and the l1.5-norm of the rows' l3-norms; 64 numbers an input."""
    subject, margin = fitting(data)
    after, _ = ends(data)
    largest = math.prod(max(float(np.abs(row).sum()) for row in w) for w in after)
    mixed = math.prod(sum(float((np.abs(row) ** 3).sum()) ** (1.5 / 3) for row in w) ** (1 / 1.5) for w in after)

    assert l1_inf(subject) == pytest.approx(
        math.log(math.sqrt(len(after) + math.log(64)) * largest / margin / math.sqrt(NUM_EXAMPLES)), rel=1e-9
    )
    assert l3_1_5(subject) == pytest.approx(math.log(mixed / margin / NUM_EXAMPLES ** (1 / 3)), rel=1e-9)


def test_trace_norms(data: Network) -> None:
    """The nuclear norm of numpy."""
    subject, margin = fitting(data)
    product = math.prod(float(np.linalg.norm(w, "nuc")) for w in ends(data)[0])

    assert trace_norm(subject) == pytest.approx(math.log(product / margin), rel=1e-9)


@pytest.mark.parametrize("measure", [bartlett_spec, neyshabur_spec_fro], ids=lambda measure: measure.name)
def test_an_untrained_network_is_refused(mlp: Subject, measure: Measure) -> None:
    """The logarithm of a distance of zero."""
    still = Subject(mlp.model, mlp.inputs, mlp.labels, init_state=mlp.model.state_dict())

    with pytest.raises(UnsupportedModelError, match="equal to those at initialization"):
        measure(still)


def test_one_example(mlp: Subject) -> None:
    """The factor ln(1) would make the bound zero; the others have none."""
    one = Subject(mlp.model, mlp.inputs[:1], mlp.labels[:1], init_state=network("mlp").init_state)

    with pytest.raises(UnsupportedModelError, match="zero for one example"):
        bartlett_spec(one)
    assert all(math.isfinite(measure(one)) for measure in (neyshabur_spec_fro, l1_inf, l3_1_5, trace_norm))


@pytest.mark.parametrize(
    "measure", [bartlett_spec, neyshabur_spec_fro, l1_inf, l3_1_5, trace_norm], ids=lambda measure: measure.name
)
def test_refused_where_products_bound_nothing(vit: Subject, measure: Measure) -> None:
    """Through attention."""
    with pytest.raises(UnsupportedModelError, match="scaled_dot_product_attention"):
        measure(vit)
