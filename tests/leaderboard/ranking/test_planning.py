"""Plans: what networks settle, what a difference needs, and which networks count."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from leaderboard.ranking.planning import Precision, precision_of_recipes, precision_of_report
from leaderboard.ranking.rank import rank
from leaderboard.ranking.significance import SETTLED
from leaderboard.statistics.undefined import UndefinedError
from tests.leaderboard.reports import zoo


def factorial(*corruptions: str) -> pd.DataFrame:
    """Three hyperparameters of two levels in each corruption."""
    rows = product(corruptions, (8, 16), (0.1, 0.01), ("sgd", "adam"))
    return pd.DataFrame(rows, columns=["hp.corruption", "hp.width", "hp.rate", "hp.optimizer"])


def test_both_directions_are_one() -> None:
    """The networks that the settled difference needs are those that settle it; four times as many settle half."""
    plan = Precision(networks=120, error=0.1)

    assert plan.settles() == pytest.approx(0.1 * SETTLED)
    assert plan.settles(480) == pytest.approx(plan.settles() / 2)
    assert plan.needs(plan.settles() * (1 + 1e-9)) == 120
    assert plan.needs(plan.settles(480) * (1 + 1e-9)) == 480


def test_random_labels_and_comparisons_across_corruptions_do_not_count() -> None:
    """Two corruptions give twice the comparisons of one, random labels none."""
    one, two, three = (
        precision_of_recipes(factorial(*corruptions))
        for corruptions in (
            ("true_labels",),
            ("true_labels", "partial_labels 0.5"),
            ("true_labels", "partial_labels 0.5", "random_labels"),
        )
    )

    assert (one.networks, two.networks, three.networks) == (8, 16, 16)
    assert two.error == three.error == pytest.approx(one.error / np.sqrt(2))
    with pytest.raises(UndefinedError):
        precision_of_recipes(factorial("true_labels", "partial_labels 0.5")[["hp.corruption"]])


def test_a_ranking_has_its_own_errors() -> None:
    """The median over pairs of measures, without resamples; with one measure there is no pair."""
    report = rank(zoo(), bootstrap=0)
    errors = np.array(report.comparisons.standard_error, dtype=np.float64)[np.triu_indices(4, 1)]
    found = precision_of_report(report)

    assert found.networks == report.models < len(zoo())
    assert found.error == pytest.approx(np.median(errors[errors > 0]))
    with pytest.raises(UndefinedError, match="no two measures"):
        precision_of_report(rank(zoo()[["hp.corruption", "hp.width", "hp.rate", "gap", "measure.memory"]], bootstrap=0))
