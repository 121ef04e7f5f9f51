"""Published mean sign errors against those of a ranking."""

import numpy as np
import pytest

from leaderboard.findings.published import DZIUGAITE, compare_published
from leaderboard.ranking.rank import rank
from tests.leaderboard.reports import zoo


def test_the_published_figures() -> None:
    """Twenty-four, the first and the last as in the paper."""
    assert len(DZIUGAITE) == 24
    assert min(DZIUGAITE, key=DZIUGAITE.__getitem__) == "pacbayes_orig"
    assert max(DZIUGAITE, key=DZIUGAITE.__getitem__) == "prod_of_spec_over_margin_fft"


def test_agreement_with_a_planted_order() -> None:
    """Scores that follow the gap less and less, in the published order: a rank correlation near 1."""
    ledger, rng = zoo(seeds=6), np.random.default_rng(0)
    names = list(DZIUGAITE)[::3]
    for place, name in enumerate(names):
        ledger[f"measure.{name}"] = ledger["gap"] + 0.02 * place**2 * rng.normal(size=len(ledger))
    report = rank(ledger, bootstrap=0)
    found = compare_published(report)

    assert found is not None
    assert found.agreement.measures == len(names)
    assert found.agreement.rho > 0.8
    assert {one.name for one in found.apart} == set(names)
    differences = [abs(one.published_rank - one.rank) for one in found.apart]
    assert differences == sorted(differences, reverse=True)
    sign_error = report.measures[names[0]].sign_error
    assert sign_error is not None
    assert next(one.here for one in found.apart if one.name == names[0]) == pytest.approx(sign_error.mean)


def test_the_axis_of_the_largest_error() -> None:
    """Of a score that orders everything but rates rightly."""
    ledger = zoo(seeds=6)
    for name in DZIUGAITE:
        ledger[f"measure.{name}"] = ledger["gap"] - 0.8 * ledger["hp.rate"]
    found = compare_published(rank(ledger, bootstrap=0))
    assert found is None  # all measures are level
    ledger["measure.params"] = ledger["gap"]
    found = compare_published(rank(ledger, bootstrap=0))
    assert found is not None
    worst = next(one.worst for one in found.apart if one.name == "fro_dist")
    assert worst is not None
    assert worst[0] == "rate"
    assert worst[1] > 0.5


def test_too_few_measures_of_the_paper() -> None:
    """No comparison."""
    assert compare_published(rank(zoo(), bootstrap=0)) is None
