"""Sizes and criteria of information against counting by hand."""

import math

import pytest
from sklearn.metrics import log_loss

from measures.api import Subject
from measures.catalogue.weights.parameters import aic, bic, depth, mean_width, num_weights, vc_dim, width


def test_sizes_of_convolutions(conv_bn: Subject) -> None:
    """Two convolutions of 4 and 6 outputs and a head; biases and batch norm are no weights."""
    weights = 4 * 9 + 6 * 4 * 9 + 10 * 6
    params = weights + 2 * 4 + 6 + 2 * 6 + 10

    assert num_weights(conv_bn) == weights
    assert (depth(conv_bn), width(conv_bn), mean_width(conv_bn)) == (3, 6, 5)
    assert vc_dim(conv_bn) == pytest.approx(params * 3 * math.log(params) / math.log(2), rel=1e-12)


def test_a_single_layer(linear: Subject) -> None:
    """Without hidden layers the width is that of the only one."""
    assert (depth(linear), width(linear), mean_width(linear)) == (1, 10, 10)


def test_the_head_is_not_hidden(mlp: Subject) -> None:
    """Hidden layers of 10 and 8, and 10 classes."""
    assert (depth(mlp), width(mlp), mean_width(mlp)) == (3, 10, 9)


def test_criteria_against_scikit_learn(mlp: Subject) -> None:
    """Twice the total loss and a price for each parameter."""
    params = 64 * 10 + 10 + 10 * 8 + 8 + 8 * 10 + 10
    probabilities = mlp.model(mlp.inputs).softmax(1).numpy()
    total = log_loss(mlp.labels.numpy(), probabilities, labels=list(range(10)), normalize=False)

    assert aic(mlp) == pytest.approx(2 * total + 2 * params, rel=1e-12)
    assert bic(mlp) == pytest.approx(2 * total + params * math.log(36), rel=1e-12)
