"""Norms of weights against naive transcriptions in numpy."""

import math

import numpy as np
import pytest

from measures.api import Measure, Subject, UnsupportedModelError
from measures.catalogue.weights.norms import (
    embedding_norm,
    head_norm,
    l1,
    l2,
    linf,
    param_norm,
    prod_of_fro,
    sum_of_fro,
)
from measures.per_layer import Layered
from measures.registry import catalog
from measures.scoring import score_subject
from tests.measures import by_hand
from tests.measures.networks import network


@pytest.fixture(params=["mlp", "conv_bn"])
def case(request: pytest.FixtureRequest) -> tuple[Subject, list[by_hand.Array]]:
    """A network and its layers as matrices, found without the code under test."""
    data = network(request.param)
    return data.subject(), by_hand.matrices(request.param, data.model.state_dict())


def test_sums(case: tuple[Subject, list[by_hand.Array]]) -> None:
    """Sums of squares and of absolute values, root and maximum."""
    subject, matrices = case
    total = sum(float(np.linalg.norm(matrix, "fro")) ** 2 for matrix in matrices)
    weights = np.concatenate([matrix.ravel() for matrix in matrices])

    assert param_norm(subject) == pytest.approx(total, rel=1e-12)
    assert l2(subject) == pytest.approx(math.sqrt(total), rel=1e-12)
    assert l1(subject) == pytest.approx(np.linalg.norm(weights, 1), rel=1e-12)
    assert linf(subject) == pytest.approx(np.linalg.norm(weights, np.inf), rel=1e-12)


def test_single_layers(case: tuple[Subject, list[by_hand.Array]]) -> None:
    """The first and the last in the order of execution."""
    subject, matrices = case

    assert embedding_norm(subject) == pytest.approx(np.linalg.norm(matrices[0]), rel=1e-12)
    assert head_norm(subject) == pytest.approx(np.linalg.norm(matrices[-1]), rel=1e-12)


def test_products(case: tuple[Subject, list[by_hand.Array]]) -> None:
    """The product of squared Frobenius norms, its logarithm and its geometric mean."""
    subject, matrices = case
    product = math.prod(float(np.linalg.norm(matrix)) ** 2 for matrix in matrices)

    assert prod_of_fro(subject) == pytest.approx(math.log(product), rel=1e-9)
    assert sum_of_fro(subject) == pytest.approx(len(matrices) * product ** (1 / len(matrices)), rel=1e-9)


def test_scores_keep_their_layers(mlp: Subject) -> None:
    """Terms of sums, logarithms of factors, and squared norms, by the names of the layers."""
    squares = {f"{place}": float(mlp.params[f"{place}.weight"].square().sum()) for place in (1, 3, 5)}
    logarithms = {place: math.log(square) for place, square in squares.items()}

    for measure, expected in ((param_norm, squares), (prod_of_fro, logarithms), (sum_of_fro, squares)):
        score = measure(mlp)
        assert isinstance(score, Layered)
        assert score.layers == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("measure", [prod_of_fro, sum_of_fro], ids=lambda measure: measure.name)
def test_products_are_refused_where_they_bound_nothing(vit: Subject, mixer: Subject, measure: Measure) -> None:
    """Layer norm, attention and GELU are named as the reason; sums stay defined."""
    for subject, reason in ((vit, "scaled_dot_product_attention"), (mixer, "gelu, layer_norm")):
        with pytest.raises(UnsupportedModelError, match=reason):
            measure(subject)
        assert param_norm(subject) > 0
        assert embedding_norm(subject) > 0


def test_weights_that_are_not_numbers_have_no_score() -> None:
    """One in each layer is enough; whatever is made of weights fails and says why."""
    data = network("mlp")
    subject = data.subject()
    for name, weight in subject.params.items():
        if name.endswith("weight"):
            weight[-1, -1] = math.nan
    families = ("norm", "path", "distance", "heavy_tail")
    chosen = [
        measure for measure in catalog().values() if measure.family in families and "trajectory" not in measure.needs
    ]

    scores = score_subject(subject, chosen)

    assert len(scores) > 50
    assert {name for name, score in scores.items() if score.outcome == "scored"} == set()
    assert all(score.why for score in scores.values())
