"""Permutation within strata, its p-values, and the step-down correction against transcriptions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from leaderboard.statistics.granulated import granulated, grid_of
from leaderboard.statistics.permutation import null_psi, p_value, shuffle_within, sources, step_down

Floats = NDArray[np.float64]


def test_scores_change_places_within_their_stratum_only() -> None:
    """Each permutation is one, inside each stratum; all orders of three occur alike."""
    stratum = np.array([1, 0, 1, 0, 1])
    order = shuffle_within(stratum, 6000, np.random.default_rng(0))
    source = sources(order, stratum, np.ones(5, dtype=np.bool_))

    assert (np.sort(source, axis=1) == np.arange(5)).all()
    assert (stratum[source] == stratum).all()
    orders, counts = np.unique(source[:, [0, 2, 4]], axis=0, return_counts=True)
    assert len(orders) == 6
    assert (np.abs(counts - 1000) < 5 * np.sqrt(1000 * 5 / 6)).all()


def test_absent_units_neither_give_nor_receive() -> None:
    """The places are those among the present ones, and each present unit's score goes to one of its stratum."""
    stratum, present = np.array([0, 1, 0, 1, 0, 1]), np.array([True, True, False, True, True, True])
    source = sources(shuffle_within(stratum, 50, np.random.default_rng(1)), stratum, present)

    assert source.shape == (50, 5)
    assert (np.sort(source, axis=1) == np.arange(5)).all()
    assert (stratum[present][source] == stratum[present]).all()


def test_psi_of_permuted_scores() -> None:
    """Of three measures, with ties and holes: Psi of the networks with the scores moved."""
    rng = np.random.default_rng(2)
    levels = {name: rng.integers(0, 3, 40) for name in "abc"}
    grid = grid_of(levels, 40)
    scores = rng.integers(0, 5, (grid.size, 3)).astype(np.float64)
    scores[:, 2] = rng.permutation(grid.size)  # without a tie, beside two with ties
    target = rng.integers(0, 7, grid.size).astype(np.float64)
    stratum = rng.integers(0, 2, grid.size)
    source = sources(shuffle_within(stratum, 130, rng), stratum, np.ones(grid.size, dtype=np.bool_))
    found = null_psi(grid, scores, target, source)

    expected = [[granulated(grid, mu[places], target)[0] for mu in scores.T] for places in source]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_a_useless_score_is_found_useful_as_often_as_it_should() -> None:
    """On a grid whose target follows the hyperparameters, p-values of noise are uniform."""
    rng = np.random.default_rng(6)
    levels = {name: code.ravel() for name, code in zip("abc", np.indices((4, 4, 4)), strict=True)}
    grid = grid_of(levels, 64)
    target = levels["a"] + 0.5 * levels["b"] + 0.2 * levels["c"] + 0.1 * rng.normal(size=64)
    stratum = np.zeros(64, dtype=np.int64)
    source = sources(shuffle_within(stratum, 400, rng), stratum, np.ones(64, dtype=np.bool_))
    scores = rng.normal(size=(64, 500))
    null = null_psi(grid, scores, target, source)
    p = np.array([p_value(granulated(grid, mu, target)[0], draws) for mu, draws in zip(scores.T, null.T, strict=True)])

    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 500))


def test_p_values_count_what_is_as_far_out() -> None:
    """Two-sided about the mean of the null, itself counted in; never 0."""
    null = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])

    assert p_value(3, null) == 3 / 6
    assert p_value(-2, null) == 3 / 6
    assert p_value(9, null) == 1 / 6
    assert p_value(0, null) == 1
    assert p_value(12, null + 10) == p_value(8, null + 10) == 3 / 6


def naive_step_down(observed: list[float], null: list[list[float]]) -> list[float]:
    """Algorithm 2.8 of Westfall & Young: successive maxima from the smallest on, then monotone from the largest."""
    order = sorted(range(len(observed)), key=lambda i: -abs(observed[i]))
    raw = []
    for rank, i in enumerate(order):
        exceeding = sum(max(abs(row[k]) for k in order[rank:]) >= abs(observed[i]) for row in null)
        raw.append((1 + exceeding) / (1 + len(null)))
    corrected = [0.0] * len(observed)
    for rank, i in enumerate(order):
        corrected[i] = max(raw[: rank + 1])
    return corrected


def test_step_down_is_westfall_and_youngs() -> None:
    """On random draws of correlated tests."""
    rng = np.random.default_rng(3)
    null = rng.normal(size=(200, 7)) @ rng.normal(size=(7, 7))
    observed = 2 * rng.normal(size=7) * null.std(axis=0)

    assert step_down(observed, null).tolist() == pytest.approx(naive_step_down(observed.tolist(), null.tolist()))


def test_the_family_is_wrong_no_oftener_than_the_level() -> None:
    """Twenty useless tests, half of them copies: any is rejected in 5 of 100 families; a real one mostly."""
    rng = np.random.default_rng(4)
    wrong = found = 0
    for _ in range(400):
        independent = rng.normal(size=(200, 11))
        draws = np.concatenate([independent, independent[:, :10]], axis=1)  # the first is the observation
        observed = draws[0].copy()
        observed[10] += 5
        corrected = step_down(observed, draws[1:])
        wrong += bool((np.delete(corrected, 10) <= 0.05).any())
        found += bool(corrected[10] <= 0.05)

    assert wrong / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert found / 400 > 0.9


def test_copies_of_a_measure_cost_nothing() -> None:
    """Fifty copies are corrected as one is."""
    rng = np.random.default_rng(5)
    null = rng.normal(size=(500, 1))

    assert step_down(np.full(50, 2.5), np.repeat(null, 50, axis=1))[0] == step_down(np.array([2.5]), null)[0]
