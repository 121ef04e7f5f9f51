"""Label equivalents against the binomial closed form."""

from itertools import product
from math import comb

import numpy as np
import pytest

from leaderboard.statistics.granulated import granulated, grid_of
from leaderboard.statistics.labels import NUMBERS, LabelCurve, label_curve
from leaderboard.statistics.undefined import UndefinedError


def expected_agreement(m: int, p: float, q: float) -> float:
    """E sgn(X / m - Y / m) of X ~ Bin(m, p), Y ~ Bin(m, q): of two networks with p > q and equal train accuracy."""
    chance = [[comb(m, k) * x**k * (1 - x) ** (m - k) for k in range(m + 1)] for x in (p, q)]
    return sum(chance[0][i] * chance[1][j] * ((i > j) - (i < j)) for i, j in product(range(m + 1), repeat=2))


def test_the_curve_is_the_binomials() -> None:
    """Two accuracies on a grid of one hyperparameter, many times over: each pair has the closed form's agreement."""
    a, b = (code.ravel() for code in np.indices((2, 40)))
    accuracy = np.where(a == 0, 0.8, 0.6)
    curve = label_curve(grid_of({"a": a, "b": b}, 80), 1 - accuracy, accuracy, seed=0)

    for m in (1, 2, 6, 10, 40):  # pairs that differ in b have the same target, and count 0
        assert curve.psi[NUMBERS.index(m)] == pytest.approx(expected_agreement(m, 0.8, 0.6) / 2, abs=0.02)


def test_replicates_share_the_work() -> None:
    """Two networks a configuration have two sets of m labels: their mean is as good as 2 m."""
    a, b = (np.repeat(code.ravel(), 2) for code in np.indices((2, 40)))
    accuracy = np.where(a == 0, 0.8, 0.7)
    grid = grid_of({"a": a, "b": b}, 160)
    curve = label_curve(grid, 1 - accuracy, accuracy, seed=0)

    assert curve.psi[NUMBERS.index(10)] == pytest.approx(expected_agreement(20, 0.8, 0.7) / 2, abs=0.02)


def test_the_train_accuracy_is_known() -> None:
    """Networks of equal test accuracy and different gaps are told apart without a label's noise mattering much."""
    a, b = (code.ravel() for code in np.indices((2, 50)))
    curve = label_curve(
        grid_of({"a": a, "b": b}, 100), (0.1 + 0.8 * a).astype(np.float64), np.full(100, 0.9999), seed=0
    )

    assert curve.psi[0] == pytest.approx(0.5, abs=0.01)


def test_equivalents_are_read_off_the_curve() -> None:
    """At the points, between them in the logarithm, below one, at zero and beyond the last."""
    curve = LabelCurve((1, 10, 100), np.array([0.2, 0.4, 0.8]))

    assert curve.equivalent(0.4)[0] == pytest.approx(10)
    assert curve.equivalent(0.6)[0] == pytest.approx(10**1.5)
    assert curve.equivalent(0.1) == (0.5, False)
    assert curve.equivalent(0.0) == curve.equivalent(-0.3) == (0, False)
    assert curve.equivalent(0.9) == (100, True)
    assert not curve.equivalent(0.8)[1]


def test_the_curve_never_falls() -> None:
    """Also where the simulated means do: of networks that hardly any number of labels tells apart."""
    accuracy = np.linspace(0.5, 0.50001, 12, dtype=np.float64)
    curve = label_curve(grid_of({"a": np.arange(12)}, 12), 1 - accuracy, accuracy, seed=0)

    assert (np.diff(curve.psi) >= 0).all()


def test_a_simulated_validation_set_is_worth_its_size() -> None:
    """A measure that is an estimate from 100 labels is worth 100, to within the noise of one estimate."""
    rng = np.random.default_rng(3)
    levels = {name: code.ravel() for name, code in zip("abc", np.indices((6, 6, 6)), strict=True)}
    accuracy = np.clip(0.6 + 0.04 * levels["a"] + 0.02 * levels["b"] + 0.02 * rng.normal(size=216), 0, 1)
    grid = grid_of(levels, 216)
    curve = label_curve(grid, 1 - accuracy, accuracy, seed=4)
    found = [
        curve.equivalent(granulated(grid, 1 - rng.binomial(100, accuracy) / 100, 1 - accuracy)[0])[0] for _ in range(20)
    ]
    assert np.exp(np.mean(np.log(found))) == pytest.approx(100, rel=0.12)


def test_refusals_say_why() -> None:
    """No accuracy, no neighbours, nothing to predict."""
    grid = grid_of({"a": np.array([0, 1])}, 2)
    with pytest.raises(UndefinedError, match="test accuracy of every network"):
        label_curve(grid, np.array([0.1, 0.2]), np.array([0.9, np.nan]), 0)
    with pytest.raises(UndefinedError, match="exactly one hyperparameter"):
        label_curve(
            grid_of({"a": np.array([0, 1]), "b": np.array([0, 1])}, 2), np.array([0.1, 0.2]), np.full(2, 0.9), 0
        )
    with pytest.raises(UndefinedError, match="nothing to predict"):
        label_curve(grid, np.full(2, 0.1), np.full(2, 0.9), 0)
