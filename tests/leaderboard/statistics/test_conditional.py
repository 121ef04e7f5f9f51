"""Conditional mutual information against transcriptions of the paper and of the competition's scorer."""

from collections import Counter, defaultdict
from itertools import combinations
from math import log
from typing import Any

import numpy as np
import pytest

from leaderboard.statistics.conditional import cmi, pgdl_score
from leaderboard.statistics.undefined import UndefinedError

Table = dict[tuple[int, ...], Counter[tuple[int, int]]]


def entropy(counts: list[int]) -> float:
    """In nats."""
    total = sum(counts)
    return -sum(count / total * log(count / total) for count in counts if count)


def information_and_entropy(cell: Counter[tuple[int, int]]) -> tuple[float, float]:
    """I(V_mu; V_g) = sum p(u, v) log p(u, v) / (p(u) p(v)), and H(V_g), of one cell."""
    total = cell.total()
    mu: Counter[int] = Counter()
    g: Counter[int] = Counter()
    for (u, v), count in cell.items():
        mu[u] += count
        g[v] += count
    information = sum(count / total * log(count * total / (mu[u] * g[v])) for (u, v), count in cell.items())
    return information, entropy(list(g.values()))


def tabulate(small: Any, given: tuple[str, ...], *, competition: bool) -> Table:
    """Outcomes of the ordered pairs by cell: signs without self-pairs, or the competition's ">" with them."""
    table: Table = defaultdict(Counter)
    for a in range(len(small.target)):
        for b in range(len(small.target)):
            if a == b and not competition:
                continue
            key = tuple(int(small.levels[name][row]) for name in given for row in (a, b))
            d_mu, d_g = small.scores[a] - small.scores[b], small.target[a] - small.target[b]
            outcome = (int(d_mu > 0), int(d_g > 0)) if competition else (int(np.sign(d_mu)), int(np.sign(d_g)))
            table[key][outcome] += 1
    return table


def naive_cmi(small: Any) -> dict[tuple[str, ...], float]:
    """I / H for every S of at most two hyperparameters that vary, cells weighted by p(U)."""
    varying = [name for name, code in small.levels.items() if len(set(code.tolist())) > 1]
    ratios = {}
    for size in range(3):
        for given in combinations(varying, size):
            i = h = 0.0
            for cell in tabulate(small, given, competition=False).values():
                cell_i, cell_h = information_and_entropy(cell)
                i += cell.total() * cell_i
                h += cell.total() * cell_h
            if h > 0:
                ratios[given] = i / h
    return ratios


def naive_pgdl(small: Any) -> dict[tuple[str, ...], float]:
    """Mean I over mean H, cells alike, for every two hyperparameters."""
    ratios: dict[tuple[str, ...], float] = {}
    for given in combinations(small.levels, 2):
        both = [information_and_entropy(cell) for cell in tabulate(small, given, competition=True).values()]
        h = sum(cell_h for _, cell_h in both) / len(both)
        if h > 0:
            ratios[given] = sum(cell_i for cell_i, _ in both) / len(both) / h
    return ratios


def test_random_ledgers(random_ledgers: list[Any]) -> None:
    """The least ratio and a set that attains it, with ties, holes, replicates and constant hyperparameters."""
    for small in random_ledgers:
        found, expected = cmi(small.scores, small.target, small.levels), naive_cmi(small)
        assert found.value == pytest.approx(min(expected.values()), abs=1e-12)
        assert expected[found.given] == pytest.approx(found.value, abs=1e-12)
        if naive_pgdl(small):
            scored, by_pair = pgdl_score(small.scores, small.target, small.levels), naive_pgdl(small)
            assert scored.value == pytest.approx(min(by_pair.values()), abs=1e-12)
            assert by_pair[scored.given] == pytest.approx(scored.value, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "official", "given", "paper", "turned"),
    [
        ("VPM_1", 0.060700993773, {"hp.bs", "hp.dropout_p"}, 0.057475, 0.052367),
        ("VPM_80", 0.056105256539, {"hp.bs", "hp.dropout_p"}, 0.052297, 0.046794),
        ("VR", 0.093162888051, {"hp.bs", "hp.dropout_p"}, 0.087400, 0.077162),
        ("WCV", 0.277451042877, {"hp.bs", "hp.num_conv_blocks"}, 0.271096, 0.246660),
    ],
)
def test_the_competitions_first_task(  # one row, its five figures
    pgdl: dict[str, Any], name: str, official: float, given: set[str], paper: float, turned: float
) -> None:
    """The official scores to the twelve digits published; the others from an independent implementation."""
    task = pgdl[name]
    score = pgdl_score(task.scores, task.target, task.levels)
    information = cmi(task.scores, task.target, task.levels)

    assert score.value == pytest.approx(official, abs=1e-11)
    assert set(score.given) == given
    assert information.value == pytest.approx(paper, abs=5e-7)
    assert pgdl_score(-task.scores, task.target, task.levels).value == pytest.approx(turned, abs=5e-7)


def test_cmi_does_not_see_the_sign(random_ledgers: list[Any]) -> None:
    """K of mu and of -mu are the same; the competition's self-pairs make its score differ."""
    for small in random_ledgers:
        plus, minus = (cmi(sign * small.scores, small.target, small.levels).value for sign in (1, -1))
        assert plus == pytest.approx(minus, abs=1e-12)


def test_identities() -> None:
    """The gap and its negative tell everything, a constant nothing."""
    levels = {"hp.a": np.array([0, 0, 1, 1, 2, 2]), "hp.b": np.array([0, 1] * 3)}
    g = np.array([0.31, 0.12, 0.5, 0.2, 0.9, 0.7])

    assert cmi(g, g, levels).value == pytest.approx(1, abs=1e-12)
    assert cmi(-g, g, levels).value == pytest.approx(1, abs=1e-12)
    with_constant = {**levels, "hp.c": np.zeros(6, dtype=np.int64)}  # given a and b no order is left uncertain
    assert pgdl_score(g, g, with_constant).value == pytest.approx(1, abs=1e-12)
    assert cmi(np.ones(6), g, levels).value == 0
    assert pgdl_score(np.ones(6), g, with_constant).value == 0


def test_a_measure_that_is_a_hyperparameter_tells_nothing_given_it() -> None:
    """Pooled it is informative; conditioning on its hyperparameter leaves nothing, up to rounding."""
    a = np.repeat(np.arange(4), 8)
    b = np.tile(np.arange(8), 4)
    g = a + np.random.default_rng(0).normal(size=32)
    found = cmi(a.astype(np.float64), g, {"hp.a": a, "hp.b": b})

    assert found.value == pytest.approx(0, abs=1e-12)
    assert "hp.a" in found.given
    assert cmi(a.astype(np.float64), g, {"hp.b": b}).value > 0.05


def test_a_set_that_leaves_nothing_uncertain_is_left_out() -> None:
    """Two networks that differ in their one hyperparameter: given it the order is certain, without it K is 1."""
    found = cmi(np.array([1.0, 2.0]), np.array([0.1, 0.2]), {"hp.a": np.array([0, 1])})

    assert (found.value, found.given) == (1, ())


def test_refusals_say_why() -> None:
    """One hyperparameter is no pair; a constant target holds nothing to predict."""
    g, a = np.array([0.1, 0.2, 0.4]), {"hp.a": np.array([0, 0, 1])}
    with pytest.raises(UndefinedError, match="two hyperparameters at a time; the ledger has 1"):
        pgdl_score(g, g, a)
    for statistic in (cmi, pgdl_score):
        with pytest.raises(UndefinedError, match="nothing to predict"):
            statistic(g, np.ones(3), a)
    with pytest.raises(UndefinedError, match="no uncertainty"):
        pgdl_score(g[:2], g[:2], {"hp.a": np.array([0, 1]), "hp.b": np.array([0, 1])})
