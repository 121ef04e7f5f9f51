"""Limits of ridge regression against their definition and against solved members of the zoo."""

import math

import numpy as np
import pytest

from leaderboard.claims.asymptotics import (
    Block,
    error_of_direction,
    error_on_mixture,
    ridge_limit,
    risk_without_label_noise,
)
from leaderboard.claims.studies import ridge_peak
from zoo.data.synthetic import Mixture, Teacher
from zoo.observations.linear import squared_risk
from zoo.observations.observed import Trained
from zoo.recipe import Recipe
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.train import data_of, network_of, train


def test_least_squares_and_least_norm_have_the_risks_of_the_textbook() -> None:
    """Noise / (1 - g) below one dimension an example; beta^2 (1 - 1/g) + noise g / (g - 1) above."""
    assert ridge_limit([Block(0.5, 1, 2.0)], 0.3, 0).risk == pytest.approx(0.3 / 0.5)
    assert ridge_limit([Block(4.0, 1, 2.0)], 0.3, 0).risk == pytest.approx(2.0 * 0.75 + 0.3 * 4 / 3)
    assert ridge_limit([Block(4.0, 1, 2.0)], 0.3, 0).overlap == pytest.approx(2.0 / 4)
    assert ridge_limit([Block(1.0, 1, 2.0)], 0.3, 0).risk == math.inf


def test_a_ridge_on_two_variances_is_that_of_a_large_sample() -> None:
    """Ridge regression of 900 examples in 1,200 dimensions of two variances, by numpy."""
    draw = np.random.default_rng(0)
    variances = np.repeat([2.0, 0.2], 600)
    beta = np.repeat([0.6, 1.2], 600) / math.sqrt(600)
    limit = ridge_limit([Block(2 / 3, 2.0, 0.36), Block(2 / 3, 0.2, 1.44)], 0.5, 0.1)
    risks, overlaps = [], []
    for _ in range(3):
        inputs = draw.normal(size=(900, 1200)) * np.sqrt(variances)
        labels = inputs @ beta + math.sqrt(0.5) * draw.normal(size=900)
        weights = np.linalg.solve(inputs.T @ inputs / 900 + 0.1 * np.eye(1200), inputs.T @ labels / 900)
        risks.append(0.5 + (variances * (weights - beta) ** 2).sum())
        overlaps.append((variances * weights * beta).sum())

    assert np.mean(risks) == pytest.approx(limit.risk, rel=0.05)
    assert np.mean(overlaps) == pytest.approx(limit.overlap, rel=0.05)


@pytest.mark.parametrize(("ratio", "noise", "ridge"), [(0.25, 0.0, 0.0), (2.0, 0.4, 0.0), (0.5, 0.0, 1.0)])
def test_members_follow_the_curve(ratio: float, noise: float, ridge: float) -> None:
    """Risk within ten percent, as the study states, and test error within three points, on average of four seeds."""
    base = Recipe(
        dataset=Teacher(dim=200).name, model="least_squares", train_size=round(200 * ratio), weight_decay=ridge
    )
    base = base.replace(corruption="partial_labels", corruption_p=noise) if noise else base
    runs = list(train([base.replace(seed=seed) for seed in range(4)]))
    limit = ridge_peak.limit_of(ratio, 1 - noise, ridge)
    risks = []
    for run in runs:
        data = data_of(run.recipe)
        network = network_of(run.recipe, data)
        load_state(network, run.final)
        own = Trained(recipe=run.recipe, data=data, network=network.eval(), snapshots=(), data_of=data_of)
        risks.append(squared_risk(own)["squared_risk"])

    assert np.mean(risks) == pytest.approx(risk_without_label_noise(limit, 1 - noise), rel=0.1)
    error = 1 - np.mean([run.record.test_accuracy for run in runs])
    assert error == pytest.approx(error_of_direction(limit, 1 - noise), abs=0.03)


@pytest.mark.parametrize(("model", "dim", "size", "signal", "classes"), [
    ("least_squares", 60, 240, 1.0, 2), ("max_margin", 1600, 40, 4.0, 2), ("max_margin", 1600, 40, 7.0, 4),
])  # fmt: skip
def test_members_on_mixtures_follow_the_curve(model: str, dim: int, size: int, signal: float, classes: int) -> None:
    """Test error within three points on average of six seeds, with a third of the labels random."""
    data = Mixture(dim=dim, signal=signal, classes=classes, train=600)
    base = Recipe(dataset=data.name, model=model, train_size=size, corruption="partial_labels", corruption_p=0.3)
    error = 1 - np.mean([run.record.test_accuracy for run in train([base.replace(seed=seed) for seed in range(6)])])

    expected = error_on_mixture(dim / size, signal, 0.7, classes)
    assert 0.05 < expected < 0.4  # neither certain nor chance
    assert error == pytest.approx(expected, abs=0.03)
