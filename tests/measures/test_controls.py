"""Controls are what they say."""

import math

import pytest
from sklearn.metrics import accuracy_score, log_loss

from measures.api import Subject
from measures.controls import constant, cross_entropy, params, random_number, train_error
from tests.measures.networks import network


def test_params_counts_every_trained_number(conv_bn: Subject) -> None:
    """Kernels, biases and the affine parameters of batch norm, but no running statistics."""
    assert params(conv_bn) == (4 * 9 + 2 * 4) + (6 * 4 * 9 + 6 + 2 * 6) + (10 * 6 + 10)


def test_loss_and_error_against_scikit_learn(vit: Subject) -> None:
    """On the training examples, in nats and as a fraction."""
    logits = vit.model(vit.inputs)
    probabilities = logits.softmax(1).numpy()
    labels = vit.labels.numpy()

    assert cross_entropy(vit) == pytest.approx(log_loss(labels, probabilities, labels=list(range(10))), rel=1e-10)
    assert train_error(vit) == pytest.approx(1 - accuracy_score(labels, probabilities.argmax(1)), rel=1e-12)
    assert train_error(vit) > 0


def test_controls_know_nothing_of_the_network() -> None:
    """The random number follows the seed alone; the constant follows nothing."""
    draws = [random_number(network("linear").subject(seed=seed)) for seed in range(200)]

    assert random_number(network("mlp").subject(seed=7)) == draws[7]
    assert len(set(draws)) == 200
    assert abs(sum(draws) / 200 - 0.5) < 4 * math.sqrt(1 / 12 / 200)
    assert all(0 <= draw < 1 for draw in draws)
    assert constant(network("mlp").subject()) == constant(network("vit").subject())
