"""The cross-fitted increment against scikit-learn's regression, and on planted scores."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression

from leaderboard.statistics.crossfit import FOLDS, CrossFit
from leaderboard.statistics.undefined import UndefinedError

Floats = NDArray[np.float64]


def zoo(seed: int, n: int = 120) -> tuple[pd.DataFrame, Floats, NDArray[np.int64], Floats]:
    """Hyperparameters, configurations of two replicates, what no hyperparameter tells, and the target."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "hp.width": rng.choice([8, 16, 32], n // 2),
            "hp.opt": rng.choice(["sgd", "adam"], n // 2),
            "hp.rate": np.exp(rng.normal(size=n // 2)),
        }
    )
    table = table.loc[np.repeat(np.arange(n // 2), 2)].reset_index(drop=True)
    hidden = rng.normal(size=n)
    target = 0.1 * np.log2(table["hp.width"]) + 0.2 * (table["hp.opt"] == "sgd") + 0.1 * hidden
    return table, hidden, np.repeat(np.arange(n // 2), 2), target.to_numpy(dtype=np.float64)


def naive(
    table: pd.DataFrame, target: Floats, configuration: NDArray[np.int64], scores: Floats, seed: int
) -> tuple[float, ...]:
    """The same by scikit-learn, fold by fold; rho and both squared errors."""
    fold_of = (np.random.default_rng([seed, 0xF01D]).permutation(configuration.max() + 1) % FOLDS)[configuration]
    ranks = table["hp.rate"].rank().to_numpy()
    ranks = (ranks - ranks.mean()) / len(ranks)
    indicators = [(table[name] == value).astype(float) for name in ("hp.width", "hp.opt") for value in set(table[name])]
    x = np.column_stack([*indicators, ranks, ranks**2])
    of_score, of_target, errors = [], [], []
    for fold in range(FOLDS):
        train, test = fold_of != fold, fold_of == fold
        place = np.array([np.mean(scores[train] < s) / 2 + np.mean(scores[train] <= s) / 2 for s in scores])
        alone = LinearRegression().fit(x[train], target[train])
        both = LinearRegression().fit(np.column_stack([x, place])[train], target[train])
        explained = LinearRegression().fit(x[train], place[train])
        of_target.append(target[test] - alone.predict(x[test]))
        errors.append(target[test] - both.predict(np.column_stack([x, place])[test]))
        of_score.append(place[test] - explained.predict(x[test]))
    rho = spearmanr(np.concatenate(of_score), np.concatenate(of_target)).statistic
    return rho, float(np.mean(np.concatenate(of_target) ** 2)), float(np.mean(np.concatenate(errors) ** 2))


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_regression_of_networks_left_out(seed: int) -> None:
    """Fold by fold, categories, few numbers and many, with tied scores."""
    table, hidden, configuration, target = zoo(seed)
    scores = np.round(hidden + np.random.default_rng(seed).normal(size=120), 1)
    found = CrossFit(table, target, configuration, seed).of(scores)
    rho, without, with_score = naive(table, target, configuration, scores, seed)

    assert found.rho == pytest.approx(rho, abs=1e-9)
    assert found.mse_without == pytest.approx(without, rel=1e-9)
    assert found.mse_with == pytest.approx(with_score, rel=1e-9)
    assert found.delta_mse == pytest.approx(1 - with_score / without, abs=1e-9)


def test_planted_scores() -> None:
    """What no hyperparameter tells takes nearly all error away; a copy of the width adds nothing; noise does harm."""
    table, hidden, configuration, target = zoo(5, 600)
    fit = CrossFit(table, target, configuration, 0)
    noise = np.random.default_rng(6).normal(size=600)

    assert fit.of(np.exp(hidden)).delta_mse > 0.8
    assert fit.of(np.exp(hidden)).rho > 0.95
    assert -0.05 < fit.of(noise).delta_mse < 0.02
    with pytest.raises(UndefinedError, match="explain the order of the scores completely"):
        fit.of(table["hp.width"].to_numpy(dtype=np.float64))


def test_only_the_order_of_the_scores_counts() -> None:
    """A rising function changes nothing, infinite steepness included."""
    table, hidden, configuration, target = zoo(7)
    fit = CrossFit(table, target, configuration, 0)

    assert fit.of(hidden) == fit.of(np.sinh(100 * hidden))


def test_a_configuration_is_left_out_as_a_whole() -> None:
    """A score that names the configuration and holds its target exactly in one replicate has nothing to copy."""
    table, _, configuration, _ = zoo(8)
    target = np.random.default_rng(9).normal(size=60)[configuration]
    scores = np.argsort(np.argsort(np.random.default_rng(10).permutation(60)))[configuration].astype(np.float64)

    assert abs(CrossFit(table, target, configuration, 0).of(scores).rho) < 0.3


def test_refusals_say_why() -> None:
    """Too few configurations, too many hyperparameters, nothing left to predict."""
    table, _, configuration, target = zoo(11)
    with pytest.raises(UndefinedError, match="at least 10 configurations; there are 9"):
        CrossFit(table[:18], target[:18], configuration[:18], 0)
    with pytest.raises(UndefinedError, match="degrees of freedom"):
        CrossFit(pd.DataFrame({"hp.a": [str(i) for i in range(20)]}), target[:20], np.arange(20), 0)
    with pytest.raises(UndefinedError, match="predict the target completely"):
        CrossFit(table, table["hp.width"].to_numpy(dtype=np.float64), configuration, 0)


def test_interactions_are_known_where_there_is_room() -> None:
    """A gap that is the product of two hyperparameters is predicted; with fewer networks it is a residual."""
    rng = np.random.default_rng(12)
    table = pd.DataFrame(list(product((0, 1), repeat=5)), columns=[f"hp.{name}" for name in "abcde"])
    target = (table["hp.a"] == table["hp.b"]) + 0.1 * rng.normal(size=32)
    whole, twice = (
        CrossFit(pd.concat([table] * k, ignore_index=True), np.tile(target, k), np.arange(32 * k), 0) for k in (1, 2)
    )

    assert not whole.interactions  # 16 coefficients
    assert whole.mse_without > 0.2
    assert twice.interactions
    assert twice.mse_without < 0.05


def test_the_null_has_the_spread_of_targets_drawn_again() -> None:
    """Beside 29 coefficients of 128 networks it is wider than permuted out-of-fold residuals would have it."""
    rng = np.random.default_rng(13)
    table = pd.DataFrame(list(product((0, 1), repeat=7)), columns=[f"hp.{name}" for name in "abcdefg"])
    effect = (table.to_numpy() - 0.5) @ rng.normal(size=7) + np.where(table["hp.a"] == table["hp.b"], 3.0, 0.0)
    scores = rng.normal(size=128)
    found, nulls = [], []
    for seed in range(150):
        fit = CrossFit(table, effect + rng.normal(size=128), np.arange(128), 0)
        one = fit.of(scores)
        assert fit.interactions
        found.append(one.rho)
        if seed < 3:
            source = np.argsort(rng.random((300, 128)), axis=1)
            nulls.append(fit.null(one.left[:, None], source).std())

    assert np.mean(nulls) == pytest.approx(np.std(found), rel=0.2)
    assert np.mean(nulls) > 1 / np.sqrt(127)
