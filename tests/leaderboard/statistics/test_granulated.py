"""Granulated Kendall coefficients against a transcription of their definition."""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from leaderboard.statistics.granulated import (
    MOST_PAIRS,
    PAIRS_A_UNIT,
    Grid,
    agreement,
    grid_of,
    sample_neighbours,
)
from leaderboard.statistics.granulated import granulated as granulated_of_configurations
from leaderboard.statistics.undefined import UndefinedError


def granulated(grid: Grid, scores: Any, target: Any) -> tuple[float, dict[str, float]]:
    """Of networks: averaged over the replicates, then judged."""
    return granulated_of_configurations(grid, grid.average(scores), grid.average(target))


def naive_psi(small: Any) -> dict[str, float]:
    """psi_i by dictionaries: average the replicates, then tau-a in every cell of at least two settings."""
    names = list(small.levels)
    replicates: Mapping[tuple[int, ...], list[int]] = defaultdict(list)
    for row in range(len(small.target)):
        replicates[tuple(int(small.levels[name][row]) for name in names)].append(row)
    mean = {
        theta: tuple(
            sum((Fraction(x) for x in values[rows].tolist()), Fraction()) / len(rows)
            for values in (small.scores, small.target)
        )
        for theta, rows in replicates.items()
    }
    psi = {}
    for i, name in enumerate(names):
        cells: Mapping[tuple[int, ...], list[tuple[Fraction, ...]]] = defaultdict(list)
        for theta, point in mean.items():
            cells[theta[:i] + theta[i + 1 :]].append(point)
        taus = []
        for points in cells.values():
            if len(points) > 1:
                total = sum(
                    ((p[0] > q[0]) - (p[0] < q[0])) * ((p[1] > q[1]) - (p[1] < q[1])) for p in points for q in points
                )
                taus.append(total / (len(points) * (len(points) - 1)))
        if taus:
            psi[name] = sum(taus) / len(taus)
    return psi


def test_random_ledgers_with_ties_holes_and_replicates(random_ledgers: list[Any]) -> None:
    """Equal to the transcription wherever it has a value, and undefined where it has none."""
    defined = 0
    for small in random_ledgers:
        grid, expected = grid_of(small.levels, len(small.target)), naive_psi(small)
        if expected and np.ptp(grid.average(small.target)) == 0:
            with pytest.raises(UndefinedError, match="nothing to predict"):
                granulated(grid, small.scores, small.target)
        elif expected:
            whole, psi = granulated(grid, small.scores, small.target)
            assert psi == pytest.approx(expected, abs=1e-12)
            assert whole == pytest.approx(np.mean(list(expected.values())), abs=1e-12)
            defined += 1
        else:
            with pytest.raises(UndefinedError, match="exactly one hyperparameter"):
                granulated(grid, small.scores, small.target)
        assert set(grid.missing) == set(small.levels) - set(expected)
    assert defined > 30


@pytest.mark.parametrize(("name", "expected"), [("VPM_1", 0.3958), ("VPM_80", 0.4097), ("VR", 0.4792), ("WCV", 0.5451)])
def test_the_competitions_first_task(pgdl: dict[str, Any], name: str, expected: float) -> None:
    """Four digits from an independent implementation; its width of the dense layers never varies and is left out."""
    task = pgdl[name]
    grid = grid_of(task.levels, 96)
    whole, psi = granulated(grid, task.scores, task.target)

    assert whole == pytest.approx(expected, abs=5e-5)
    assert psi == pytest.approx(naive_psi(task), abs=1e-9)
    assert grid.missing == {"hp.dense_width": "hp.dense_width has one value only."}


def test_cells_count_equally_whatever_their_size() -> None:
    """One cell of three settings, all in order, and one of two, in disorder: the mean of 1 and -1, not 2/4."""
    levels = {"hp.a": np.array([0, 1, 2, 0, 1]), "hp.b": np.array([0, 0, 0, 1, 1])}
    g = np.array([0.1, 0.2, 0.3, 0.5, 0.4])
    mu = np.array([1.0, 2, 3, 4, 5])

    assert granulated(grid_of(levels, 5), mu, g)[1]["hp.a"] == 0


def test_identities_and_orientation() -> None:
    """The gap itself has 1, its negative -1, a constant 0."""
    levels = {"hp.a": np.array([0, 0, 1, 1, 2, 2]), "hp.b": np.array([0, 1] * 3)}
    g = np.array([0.31, 0.12, 0.5, 0.2, 0.9, 0.7])
    grid = grid_of(levels, 6)

    assert granulated(grid, g, g) == (1, {"hp.a": 1, "hp.b": 1})
    assert granulated(grid, -g, g)[0] == -1
    assert granulated(grid, np.ones(6), g)[0] == 0


def test_a_planted_measure_sees_its_hyperparameter_alone() -> None:
    """A score that is the hyperparameter orders its own axis and ties along the others."""
    a, b, c = (code.ravel() for code in np.meshgrid(range(3), range(3), range(2), indexing="ij"))
    g = 0.1 * a - 0.01 * b + 0.3 * c
    psi = granulated(grid_of({"hp.a": a, "hp.b": b, "hp.c": c}, 18), a.astype(np.float64), g)[1]

    assert psi == {"hp.a": 1, "hp.b": 0, "hp.c": 0}
    assert granulated(grid_of({"hp.a": a, "hp.b": b, "hp.c": c}, 18), b.astype(np.float64), g)[1]["hp.b"] == -1


def test_rounding_does_not_decide_a_tie() -> None:
    """The same replicates in another order, or another number of equal ones, have the same mean to the last bit."""
    values = np.array([0.1, 0.2, 0.3, 0.3, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1])
    levels = {"hp.a": np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3])}
    mean = grid_of(levels, 11).average(values)

    assert mean[0] == mean[1]
    assert mean[2] == mean[3] == 0.1
    assert mean == pytest.approx([0.2, 0.2, 0.1, 0.1], rel=1e-15)


def test_a_constant_target_has_no_value() -> None:
    """There is nothing to predict."""
    with pytest.raises(UndefinedError, match="nothing to predict"):
        granulated(grid_of({"hp.a": np.array([0, 1])}, 2), np.array([1.0, 2.0]), np.ones(2))


def naive_kept(small: Any) -> dict[str, float]:
    """psi_i with seeds kept: in every cell the mean over all pairs of networks that differ in the hyperparameter."""
    psi = {}
    for name in small.levels:
        others = [code for other, code in small.levels.items() if other != name]
        cells: Mapping[tuple[int, ...], list[int]] = defaultdict(list)
        for row in range(len(small.target)):
            cells[tuple(int(code[row]) for code in others)].append(row)
        taus = []
        for rows in cells.values():
            agreements = [
                np.sign(small.scores[a] - small.scores[b]) * np.sign(small.target[a] - small.target[b])
                for a in rows
                for b in rows
                if small.levels[name][a] != small.levels[name][b]
            ]
            if agreements:
                taus.append(float(np.mean(agreements)))
        if taus:
            psi[name] = float(np.mean(taus))
    return psi


def test_seeds_kept(random_ledgers: list[Any]) -> None:
    """Networks are compared and not means; two replicates of one configuration are no pair."""
    defined = 0
    for small in random_ledgers:
        grid, expected = grid_of(small.levels, len(small.target), kept=True), naive_kept(small)
        assert set(grid.axes) == set(expected)
        if expected:
            assert granulated(grid, small.scores, small.target)[1] == pytest.approx(expected, abs=1e-12)
            defined += 1
    assert defined > 30


def test_means_of_unequal_numbers_of_replicates_are_exact() -> None:
    """Two and three replicates of 0.1 have the same mean to the last bit, and huge scores do not overflow."""
    grid = grid_of({"a": np.array([0, 0, 1, 1, 1])}, 5)
    means = grid.average(np.full(5, 0.1))

    assert means[0] == means[1] == 0.1
    assert grid_of({"a": np.array([0, 0, 1, 1])}, 4).average(np.full(4, 1.7e308)).tolist() == [1.7e308] * 2


def searched(n: int) -> dict[str, Any]:
    """Levels of a searched ledger: two binned rates and two widths, in cells of n / 8 networks and more."""
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, count, n) for name, count in (("rate", 4), ("decay", 4), ("width", 2))}


def test_sampled_pairs_are_as_near_to_all_as_the_report_says() -> None:
    """By the standard deviation over 200 scores: at most the bound, and not far below it."""
    levels, rng = searched(600), np.random.default_rng(1)
    grid, whole = grid_of(levels, 600, kept=True, most=4000), grid_of(levels, 600, kept=True)
    target = rng.normal(size=600)
    scores = target[:, None] * rng.uniform(-1, 1, 200) + rng.normal(size=(600, 200))

    assert set(grid.sampled) == set(levels)
    assert not whole.sampled
    for name, sample in grid.sampled.items():
        part, all_pairs = (each.axes[name].mean(agreement(each.axes[name], scores, target)) for each in (grid, whole))
        assert sample.of == len(whole.axes[name].first)
        assert sample.pairs == len(grid.axes[name].first) == pytest.approx(4000, rel=0.1)
        assert 0.5 * sample.error < np.std(part - all_pairs) < 1.1 * sample.error


def test_an_axis_of_few_pairs_is_whole() -> None:
    """Up to the larger of two limits."""
    levels = {"a": np.arange(400) % 2, "b": np.zeros(400, dtype=np.int64)}

    assert MOST_PAIRS > 200 * 200
    assert len(grid_of(levels, 400, kept=True).axes["a"].first) == 200 * 200
    assert not grid_of(levels, 400, kept=True).sampled


def test_sampled_pairs_are_pairs_and_no_pair_is_sampled_twice() -> None:
    """In one cell and of different levels; every network with nearly equally many others."""
    levels = searched(3000)
    grid = grid_of(levels, 3000, kept=True)
    for name, axis in grid.axes.items():
        ends = np.stack([axis.first, axis.second])
        assert (levels[name][ends[0]] != levels[name][ends[1]]).all()
        assert all((code[ends[0]] == code[ends[1]]).all() for other, code in levels.items() if other != name)
        assert len(np.unique(np.sort(ends, axis=0), axis=1).T) == len(axis.first)
        partners = np.bincount(ends.ravel(), minlength=3000)
        assert partners.min() > 0.3 * partners.mean()


def test_a_large_searched_ledger_keeps_every_psi() -> None:
    """Pairs grow with the number of networks, not with its square; the same ones each time."""
    levels = searched(20_000)
    grid, again = grid_of(levels, 20_000, kept=True), grid_of(levels, 20_000, kept=True)

    assert set(grid.axes) == set(levels)
    assert sum(len(axis.first) for axis in grid.axes.values()) < 1.1 * PAIRS_A_UNIT * 20_000 * 3
    for name, axis in grid.axes.items():
        np.testing.assert_array_equal(axis.first, again.axes[name].first)
        assert grid.sampled[name].error < 0.002


def test_small_cells_are_whole_where_large_ones_are_sampled() -> None:
    """One cell of 400 networks in two levels, and one of three, all of whose pairs are there."""
    level = np.concatenate([np.arange(400) % 2, [0, 1, 2]])
    cell = np.repeat([0, 1], [400, 3])
    axis, sample = sample_neighbours(cell, level, np.array([40_000, 3]), 1000)

    assert (cell[axis.first] == 1).sum() == 3
    assert sample.of == 40_003
    assert 900 < sample.pairs < 1100
    assert sample.error == pytest.approx(0.5 / np.sqrt(sample.pairs - 3), rel=0.02)
