"""Controls are what they say."""

import pytest
from sklearn.metrics import accuracy_score, log_loss

from measures.api import Subject
from measures.catalogue.outputs.controls import constant, cross_entropy, params, train_error, train_size
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


def test_the_constant_knows_nothing_of_the_network() -> None:
    """It follows nothing."""
    assert constant(network("mlp").subject()) == constant(network("vit").subject())


def test_the_size_of_the_training_set(mlp: Subject) -> None:
    """Of 36 examples, and of the first alone."""
    assert train_size(mlp) == 36
    assert train_size(Subject(mlp.model, mlp.inputs[:1], mlp.labels[:1])) == 1
