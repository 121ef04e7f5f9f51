"""The weighted sign error against a loop over environments and seed pairs."""

from itertools import combinations
from math import comb, exp
from typing import Any

import numpy as np
import pytest

from leaderboard.statistics.sign_error import (
    binomial_weight,
    environment_losses,
    environments_of,
    hoeffding_weight,
    sign_error,
)
from leaderboard.statistics.undefined import UndefinedError


def naive_losses(small: Any, test_size: Any) -> dict[str, list[float]]:
    """By hyperparameter: the loss of each kept environment, undirected."""
    rows = range(len(small.target))
    theta = [tuple(int(code[row]) for code in small.levels.values()) for row in rows]
    losses: dict[str, list[float]] = {name: [] for name in small.levels}
    for here, there in combinations(sorted(set(theta)), 2):
        differ = [i for i in range(len(here)) if here[i] != there[i]]
        if len(differ) != 1:
            continue
        weights, errors = [], []
        for a in rows:
            for b in rows:
                if theta[a] == here and theta[b] == there:
                    d_g = small.target[a] - small.target[b]
                    n = min(test_size[a], test_size[b])
                    sure = max(0.0, 1 - 2 * exp(-2 * n * (abs(d_g) / 2) ** 2)) ** 2
                    weights.append(max(0.0, sure - 0.5))
                    errors.append((1 - np.sign(small.scores[a] - small.scores[b]) * np.sign(d_g)) / 2)
        total, square = sum(weights), sum(w * w for w in weights)
        if total > 0 and total**2 / square >= 0.12 * len(weights):
            losses[list(small.levels)[differ[0]]].append(
                sum(w * e for w, e in zip(weights, errors, strict=True)) / total
            )
    return losses


def test_random_ledgers(random_ledgers: list[Any]) -> None:
    """Every environment's loss, by hyperparameter, with ties, holes and replicates."""
    defined = 0
    for place, small in enumerate(random_ledgers):
        test_size = np.random.default_rng(place).choice([200.0, 1000.0, 10_000.0], len(small.target))
        expected = naive_losses(small, test_size)
        if not any(expected.values()):
            with pytest.raises(UndefinedError):
                environments_of(small.target, small.levels, test_size)
            continue
        environments = environments_of(small.target, small.levels, test_size)
        losses = environment_losses(environments, small.scores)
        for name, along in expected.items():
            assert sorted(losses[environments.axis == name]) == pytest.approx(sorted(along), abs=1e-12)
        defined += 1
    assert defined > 30


@pytest.mark.parametrize(("n", "threshold"), [(10_000, 0.0196), (2_000, 0.044), (1_000, 0.062)])
def test_the_least_difference_that_counts(n: int, threshold: float) -> None:
    """1 - 2 exp(-n d^2 / 2) = sqrt(1/2) at d = sqrt(2 ln(2 / (1 - sqrt(1/2))) / n)."""
    exact = np.sqrt(2 * np.log(2 / (1 - np.sqrt(0.5))) / n)
    below, above = hoeffding_weight(np.array([exact * 0.999, -exact * 1.001]), np.full(2, float(n)))

    assert exact == pytest.approx(threshold, abs=5e-4)
    assert below == 0
    assert 0 < above < 0.01
    assert hoeffding_weight(np.array([1.0]), np.array([float(n)]))[0] == pytest.approx(0.5, abs=1e-12)


def test_the_papers_design_keeps_an_effective_number_of_twelve() -> None:
    """Ten seeds a setting, 100 pairs: 10 equal weights are too few, 20 are enough."""
    levels = {"hp.a": np.repeat([0, 1], 10)}
    one_apart = np.array([0.0] * 10 + [0.5] + [0.0] * 9)
    two_apart = np.array([0.0] * 10 + [0.5] * 2 + [0.0] * 8)
    size = np.full(20, 10_000.0)

    with pytest.raises(UndefinedError, match="test set resolves"):
        environments_of(one_apart, levels, size)
    assert len(environments_of(two_apart, levels, size).first) == 100


def test_the_published_rule_asks_for_twelve_pairs_however_many_seeds_are_missing() -> None:
    """Three and four seeds: 12 pairs of equal weight are enough; of eleven that count, only their share is."""
    levels, size = {"hp.a": np.repeat([0, 1], [3, 4])}, np.full(7, 10_000.0)
    twelve = np.repeat([0.0, 0.5], [3, 4])
    fewer = np.array([0.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5])

    assert environments_of(twelve, levels, size, enough="published").effective.tolist() == pytest.approx([12])
    assert environments_of(fewer, levels, size).effective.tolist() == pytest.approx([8])
    with pytest.raises(UndefinedError, match="effective number of 12 pairs"):
        environments_of(fewer, levels, size, enough="published")


def test_identities_and_summary() -> None:
    """The gap is never wrong, its negative always, a constant half the time; each direction is counted."""
    levels = {"hp.a": np.array([0, 1, 2, 0, 1, 2]), "hp.b": np.array([0, 0, 0, 1, 1, 1])}
    g = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    environments = environments_of(g, levels, np.full(6, 10_000.0))
    right, wrong, toss = (sign_error(environment_losses(environments, mu)) for mu in (g, -g, np.ones(6)))

    assert (right.mean, right.p90, right.max, right.environments) == (0, 0, 0, 2 * (6 + 3))
    assert (wrong.mean, wrong.max) == (1, 1)
    assert (toss.mean, toss.p90, toss.max) == (0.5, 0.5, 0.5)


def test_the_percentile_interpolates_over_directions() -> None:
    """Of the losses 0, 0, 1, 1 the 90th percentile is 1; of 0 and 1 alone it would be 0.9."""
    summary = sign_error(np.array([0.0, 1.0]))

    assert (summary.mean, summary.p90, summary.max, summary.environments) == (0.5, 1, 1, 4)
    assert sign_error(np.linspace(0, 1, 11)).p90 == pytest.approx(0.9)


def test_refusals_say_why() -> None:
    """No neighbours, or neighbours that the test set cannot tell apart."""
    g = np.array([0.1, 0.5])
    with pytest.raises(UndefinedError, match="exactly one hyperparameter"):
        environments_of(g, {"hp.a": np.array([0, 1]), "hp.b": np.array([0, 1])}, np.full(2, 1e4))
    with pytest.raises(UndefinedError, match="test set resolves"):
        environments_of(g, {"hp.a": np.array([0, 1])}, np.full(2, 10.0))
    with pytest.raises(UndefinedError, match="nothing to predict"):
        environments_of(np.ones(2), {"hp.a": np.array([0, 1])}, np.full(2, 1e4))


def naive_binomial(difference: float, n: int, p: float, q: float) -> float:
    """Both observed shares within half the difference of the true ones, by summing binomial probabilities."""
    sure = 1.0
    for x in (p, q):
        sure *= sum(comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(n + 1) if abs(k / n - x) < difference / 2)
    return max(0.0, sure - 0.5)


@pytest.mark.parametrize("n", [10, 97, 200])
def test_binomial_weights_are_sums_of_probabilities(n: int) -> None:
    """At accuracies that are shares of n examples, as observed ones are, 0 and 1 included."""
    rng = np.random.default_rng(n)
    p, q = (np.append(rng.integers(0, n + 1, 30), [0, n, n]) / n for _ in range(2))
    difference = np.abs(p - q)
    expected = [naive_binomial(d, n, x, y) for d, x, y in zip(difference + 1e-13, p, q, strict=True)]
    strict = [naive_binomial(d - 1e-9, n, x, y) for d, x, y in zip(difference, p, q, strict=True)]
    found = binomial_weight(difference, np.full(33, float(n)), (p, q))

    assert max(found) > 0.3
    np.testing.assert_allclose(found, strict, rtol=0, atol=1e-9)
    assert (found <= np.array(expected) + 1e-9).all()


def test_exact_weights_resolve_smaller_differences() -> None:
    """0.97 and 0.98 of 10,000 are told apart, which the bound does not see; a weight is never below the bound's."""
    p, q = np.array([0.97, 0.5, 0.6]), np.array([0.98, 0.53, 0.9])
    n = np.full(3, 10_000.0)
    exact, bound = binomial_weight(np.abs(p - q), n, (p, q)), hoeffding_weight(np.abs(p - q), n)

    assert bound[0] == 0 < exact[0]
    assert (exact >= bound - 1e-12).all()


def test_binomial_weights_need_accuracies() -> None:
    """Shares of a number of examples; and use them where they are."""
    g, levels, size = np.array([0.02, 0.03, 0.9]), {"hp.a": np.array([0, 1, 2])}, np.full(3, 1e4)
    for accuracy, n in ((98 * g, size), (-g, size), (g, np.array([1e4, 1e4, np.inf]))):
        with pytest.raises(UndefinedError, match="between 0 and 1, and finite test sizes"):
            environments_of(g, levels, n, accuracy, weights="binomial")
    with pytest.raises(UndefinedError, match="test accuracy of every network"):
        environments_of(g, levels, size, weights="binomial")
    assert len(environments_of(g, levels, size, 1 - g, weights="binomial").first) == 3
    assert len(environments_of(g, levels, size, 1 - g).first) == 2


def test_the_effective_number_of_pairs() -> None:
    """Of equal weights their number; of one that outweighs all others one."""
    levels = {"hp.a": np.repeat([0, 1], 4)}
    equal = environments_of(np.repeat([0.1, 0.5], 4), levels, np.full(8, 1e4))

    assert equal.effective.tolist() == pytest.approx([16])
