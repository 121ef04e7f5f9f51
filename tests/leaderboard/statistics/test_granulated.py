"""Granulated Kendall coefficients against a transcription of their definition."""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from leaderboard.statistics.granulated import Grid, grid_of
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


def test_an_axis_of_too_many_pairs_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left out with the reason; the others stand."""
    monkeypatch.setattr("leaderboard.statistics.granulated.MOST_PAIRS", 100)
    a, b = (code.ravel() for code in np.indices((20, 2)))
    grid = grid_of({"a": a, "b": b}, 40)

    assert set(grid.axes) == {"b"}
    assert grid.missing["a"] == "More than 100 pairs differ in a alone; bin it."
