"""Predictions for the networks of a zoo: intervals, abstentions, warnings, refusals."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leaderboard.errors import LedgerError
from leaderboard.ledger.read import check_ledger
from leaderboard.prediction.predict import predict


def ledger(seed: int, n: int = 60) -> pd.DataFrame:
    """Networks whose gap a good score shows, with noise, and a useless one does not."""
    rng = np.random.default_rng(seed)
    gap = rng.uniform(size=n)
    columns: dict[str, Any] = {
        "run_id": [f"{seed}_{place}" for place in range(n)],
        "hp.rate": rng.uniform(size=n),
        "gap": gap,
        "measure.good": 10 + gap + 0.02 * rng.normal(size=n),
        "measure.useless": rng.normal(size=n),
    }
    return pd.DataFrame(columns)


def test_the_good_measure_predicts() -> None:
    """It leads by its error, its intervals are narrow, and most networks with one are covered."""
    report = predict(ledger(0), ledger(1))
    good, useless = report.measures["good"], report.measures["useless"]

    assert next(iter(report.measures)) == "good"
    assert good.half_width < 0.25 * useless.half_width
    assert report.covered >= 0.8 * report.intervals > 0
    assert {one.measure for one in report.networks} == {"good"}
    assert json.dumps(report.to_json(), allow_nan=False)


def test_no_interval_outside_the_scores_of_the_reference() -> None:
    """A score above every one of the reference's has none, and says so; a missing score leaves the next measure."""
    networks = ledger(1, 3)
    networks["measure.good"] = [99.0, 10.5, np.nan]
    networks["measure.useless"] = 0.0
    found = predict(ledger(0), networks).networks

    assert found[0].predicted.interval is None
    assert "good is 99" in found[0].predicted.why
    assert found[1].predicted.interval is not None
    assert (found[2].measure, found[2].scores) == ("useless", 1)
    assert found[2].predicted.interval is not None


def test_no_interval_where_many_scores_are_outside() -> None:
    """The leading measure is inside, and of ten others two are not."""
    reference, networks = ledger(0), ledger(1, 1)
    networks["measure.good"] = 10.5
    for place in range(10):
        reference[f"measure.m{place}"] = np.random.default_rng(place).normal(size=60)
        networks[f"measure.m{place}"] = 50.0 if place < 2 else 0.0
    only = predict(reference, networks).networks[0]

    assert only.outside == 2
    assert only.predicted.interval is None
    assert only.measures["good"].interval is not None


def test_networks_need_no_target() -> None:
    """Without accuracies nothing is observed."""
    networks = check_ledger(ledger(1).drop(columns="gap"), targets=False)
    report = predict(ledger(0), networks)

    assert report.intervals == 0
    assert all(one.observed is None for one in report.networks)


def test_networks_of_the_reference_are_named() -> None:
    """They are no new ones."""
    found = predict(ledger(0), ledger(0)).networks

    assert all(one.warnings[0].name == "run_id" for one in found)


@pytest.mark.parametrize(
    ("n", "options", "sentence"),
    [
        (12, {}, "The reference cannot predict: Nine in ten needs"),
        (60, {"measures": ["god"]}, "The networks have no scores of 'god'. Did you mean: good"),
        (60, {"why": {"good": "Another version.", "useless": "Another version."}}, "good: Another version."),
    ],
)
def test_refusals(n: int, options: dict[str, Any], sentence: str) -> None:
    """One sentence each."""
    with pytest.raises(LedgerError, match=sentence):
        predict(ledger(0, n), ledger(1), **options)
