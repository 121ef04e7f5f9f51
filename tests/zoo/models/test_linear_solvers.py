"""Solvers of linear classifiers against independent ones, and what they refuse."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from zoo.errors import SolverError
from zoo.models.linear_solvers import Floats, Ints, gradient_descent, max_margin


def separable(count: int, dim: int, classes: int) -> tuple[Floats, Ints]:
    """Examples of classes with orthogonal means."""
    draw = np.random.default_rng(count)
    labels = np.arange(count) % classes
    inputs = draw.normal(size=(count, dim))
    inputs[np.arange(count), labels] += 3
    return inputs, labels


@pytest.mark.parametrize(("count", "dim", "classes"), [(30, 60, 3), (30, 400, 4), (24, 30, 2)])
def test_max_margin_is_that_of_liblinear(count: int, dim: int, classes: int) -> None:
    """Crammer and Singer's machine at so large a cost that no margin is violated."""
    inputs, labels = separable(count, dim, classes)
    weights = max_margin(inputs, labels, classes)
    machine = LinearSVC(
        multi_class="crammer_singer", C=1e4, fit_intercept=False, tol=1e-9, max_iter=1_000_000, random_state=0
    )
    other = machine.fit(inputs, labels).coef_
    expected = np.vstack([-other, other]) / 2 if classes == 2 else other

    margins = [weights[y] @ x - np.delete(weights @ x, y) for x, y in zip(inputs, labels, strict=True)]
    assert np.min(margins) == pytest.approx(1, abs=1e-8)
    assert np.abs(weights.sum(0)).max() < 1e-10
    np.testing.assert_allclose(weights, expected, atol=1e-6)


def test_classes_that_cannot_be_separated_are_refused() -> None:
    """The solver is named, and how far it came."""
    inputs = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0]])
    with pytest.raises(
        SolverError, match="max_margin: the training examples must be linearly separable without a bias"
    ):
        max_margin(inputs, np.array([0, 1, 0]), 2)


def test_gradient_descent_is_what_its_steps_give() -> None:
    """Forty steps one by one."""
    draw = np.random.default_rng(1)
    inputs, targets, weights = draw.normal(size=(12, 20)), draw.normal(size=(12, 3)), np.zeros((20, 3))
    for _ in range(40):
        weights -= 0.1 / 12 * inputs.T @ (inputs @ weights - targets)

    np.testing.assert_allclose(gradient_descent(inputs, targets, 0.1, 40), weights.T, atol=1e-12)


def test_steps_that_diverge_are_refused() -> None:
    """With the largest learning rate that would do."""
    inputs = np.array([[2.0, 0.0], [0.0, 1.0]])
    with pytest.raises(SolverError, match=r"gradient_descent: learning_rate must be below 1, .* got 1\.5"):
        gradient_descent(inputs, np.ones((2, 1)), 1.5, 10)
