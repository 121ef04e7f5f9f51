"""Label equivalents against the binomial closed form."""

from itertools import product
from math import comb
from typing import Any

import numpy as np
import pytest

from leaderboard.statistics.granulated import Grid, granulated, grid_of
from leaderboard.statistics.labels import CERTAIN, NUMBERS, LabelCurve, draw_true, label_curve
from leaderboard.statistics.undefined import UndefinedError

EXACT = 1e12  # test examples: accuracies without noise


def curve_of(grid: Grid, target: Any, accuracy: Any, test_size: float = EXACT, seed: int = 0) -> LabelCurve:
    """The curve of networks with equally many test examples."""
    return label_curve(grid, target, accuracy, np.full(len(accuracy), test_size), seed)


def expected_agreement(m: int, p: float, q: float) -> float:
    """E sgn(X / m - Y / m) of X ~ Bin(m, p), Y ~ Bin(m, q): of two networks with p > q and equal train accuracy."""
    chance = [[comb(m, k) * x**k * (1 - x) ** (m - k) for k in range(m + 1)] for x in (p, q)]
    return sum(chance[0][i] * chance[1][j] * ((i > j) - (i < j)) for i, j in product(range(m + 1), repeat=2))


def test_the_curve_is_the_binomials() -> None:
    """Two accuracies on a grid of one hyperparameter, many times over: each pair has the closed form's agreement."""
    a, b = (code.ravel() for code in np.indices((2, 40)))
    accuracy = np.where(a == 0, 0.8, 0.6)
    curve = curve_of(grid_of({"a": a, "b": b}, 80), 1 - accuracy, accuracy)

    for m in (1, 2, 6, 10, 40):  # pairs that differ in b have the same target, and count 0
        assert curve.psi[NUMBERS.index(m)] == pytest.approx(expected_agreement(m, 0.8, 0.6) / 2, abs=0.02)


def test_replicates_share_the_work() -> None:
    """Two networks a configuration have two sets of m labels: their mean is as good as 2 m."""
    a, b = (np.repeat(code.ravel(), 2) for code in np.indices((2, 40)))
    accuracy = np.where(a == 0, 0.8, 0.7)
    grid = grid_of({"a": a, "b": b}, 160)
    curve = curve_of(grid, 1 - accuracy, accuracy)

    assert curve.psi[NUMBERS.index(10)] == pytest.approx(expected_agreement(20, 0.8, 0.7) / 2, abs=0.02)


def test_the_train_accuracy_is_known() -> None:
    """Networks of equal test accuracy and different gaps are told apart without a label's noise mattering much."""
    a, b = (code.ravel() for code in np.indices((2, 50)))
    curve = curve_of(grid_of({"a": a, "b": b}, 100), (0.1 + 0.8 * a).astype(np.float64), np.full(100, 0.9999))

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
    curve = curve_of(grid_of({"a": np.arange(12)}, 12), 1 - accuracy, accuracy)

    assert (np.diff(curve.psi) >= 0).all()


@pytest.mark.parametrize("test_size", [EXACT, 500])
def test_an_estimate_is_worth_its_labels(test_size: float) -> None:
    """Whether the target is known or is itself an estimate from 500 examples; by mean Psi over many estimates."""
    rng = np.random.default_rng(3)
    levels = {name: code.ravel() for name, code in zip("abc", np.indices((6, 6, 6)), strict=True)}
    grid, curves, psi = grid_of(levels, 216), [], {50: 0.0, 200: 0.0}
    for _ in range(6):
        p = np.clip(0.7 + 0.03 * levels["a"] + 0.015 * levels["b"] + 0.02 * rng.normal(size=216), 0, 1)
        accuracy = p if test_size == EXACT else rng.binomial(int(test_size), p) / test_size
        curves.append(curve_of(grid, 1 - accuracy, accuracy, test_size))
        for labels in psi:
            estimates = rng.binomial(labels, p, size=(20, 216)) / labels
            psi[labels] += float(np.mean([granulated(grid, -each, -accuracy)[0] for each in estimates])) / 6
    curve = LabelCurve(curves[0].examples, np.mean([each.psi for each in curves], axis=0))

    for labels, mean in psi.items():
        assert curve.equivalent(mean)[0] == pytest.approx(labels, rel=0.12)


def test_a_noisy_target_caps_the_curve() -> None:
    """At its number of examples, below which the true accuracies, perfect against an exact target, are censored."""
    rng = np.random.default_rng(0)
    p = 0.8 + 0.03 * rng.normal(size=216)
    grid = grid_of({name: code.ravel() for name, code in zip("abc", np.indices((6, 6, 6)), strict=True)}, 216)
    accuracy = rng.binomial(500, p) / 500
    curve = curve_of(grid, 1 - accuracy, accuracy, 500)

    assert curve.examples[-1] == 500
    assert curve.equivalent(granulated(grid, -p, -accuracy)[0]) == (500, True)
    assert curve.psi[-1] < 0.65 < curve_of(grid, 1 - p, p).psi[NUMBERS.index(1000)]


def test_true_differences_have_the_spread_of_the_observed_without_their_noise() -> None:
    """Normal ones: given z, of mean z V / (V + 1), so that drawn and true differences have one variance V."""
    rng = np.random.default_rng(1)
    true = 1.5 * rng.normal(size=20_000)
    z = true + rng.normal(size=20_000)
    drawn = draw_true(z, np.ones(20_000), np.arange(20_000), rng)

    assert drawn.std() == pytest.approx(1.5, rel=0.04)
    assert np.polyfit(z, drawn, 1)[0] == pytest.approx(1.5**2 / (1.5**2 + 1), rel=0.05)
    assert np.abs(drawn).max() <= CERTAIN


def test_refusals_say_why() -> None:
    """No accuracy, no neighbours, nothing to predict."""
    grid = grid_of({"a": np.array([0, 1])}, 2)
    with pytest.raises(UndefinedError, match="test accuracy of every network"):
        curve_of(grid, np.array([0.1, 0.2]), np.array([0.9, np.nan]))
    with pytest.raises(UndefinedError, match="exactly one hyperparameter"):
        curve_of(grid_of({"a": np.array([0, 1]), "b": np.array([0, 1])}, 2), np.array([0.1, 0.2]), np.full(2, 0.9))
    with pytest.raises(UndefinedError, match="nothing to predict"):
        curve_of(grid, np.full(2, 0.1), np.full(2, 0.9))
