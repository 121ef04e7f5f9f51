"""Selection figures of a ledger: measures, families, baselines, intervals, reasons."""

import json

import numpy as np
import pandas as pd
import pytest

from leaderboard.errors import LedgerError
from leaderboard.selection.select import select
from tests.leaderboard.reports import zoo

METADATA = {
    "perfect": {"family": "good", "expected_sign": 1},
    "reversed": {"family": "good", "expected_sign": -1},
    "useless": {"family": "bad", "expected_sign": 1},
    "memory": {"family": "bad", "expected_sign": 1},
}


def searched(n: int = 80) -> pd.DataFrame:
    """Networks of many configurations with accuracies, of which the rate decides the gap."""
    rng = np.random.default_rng(0)
    rate = rng.uniform(size=n)
    test = 0.9 - 0.5 * rate + 0.01 * rng.normal(size=n)
    columns = {"hp.rate": rate, "train_accuracy": 1.0, "test_accuracy": test, "train_loss": rng.uniform(size=n)}
    return pd.DataFrame({**columns, "test_size": 10_000, "measure.noise": rng.normal(size=n)})


def test_measures_and_families() -> None:
    """Signs are respected; a family is the mean of its measures; what only knows the corruption picks at random."""
    report = select(zoo(), metadata=METADATA, bootstrap=200)
    bad = [report.measures[name].regret.value for name in ("useless", "memory")]

    assert report.within == "corruption"
    assert report.models == 36  # without the networks of random labels
    assert report.measures["perfect"].regret.value == pytest.approx(0, abs=1e-12)
    assert report.measures["reversed"].hits.value == pytest.approx(1)
    assert report.measures["memory"].regret.value == pytest.approx(1)
    assert report.families["bad"].regret.value == pytest.approx(np.mean(bad))
    assert list(report.families) == ["good", "bad"]
    assert json.dumps(report.to_json(), allow_nan=False)


def test_a_sign_that_is_unknown_is_that_of_the_correlation() -> None:
    """It is marked."""
    found = select(zoo(), bootstrap=0).measures["reversed"]

    assert (found.sign, found.sign_known) == (-1, False)
    assert found.regret.interval is None


def test_baselines() -> None:
    """Hyperparameters know the gap, more labels know more, training loss here nothing."""
    found = {name: one.regret for name, one in select(searched(), bootstrap=200).baselines.items()}

    assert found["random"].value == pytest.approx(1)
    assert found["hyperparameters"].value < 0.1
    assert found["10 labels"].value > found["100 labels"].value > found["1000 labels"].value
    assert found["training loss"].value > 0.5
    assert found["10 labels"].interval is not None
    assert found["10 labels"].interval.low < found["10 labels"].value < found["10 labels"].interval.high


def test_reasons() -> None:
    """A baseline without its column, and labels beyond a tenth of the test examples, say why they are missing."""
    report = select(searched().drop(columns="train_loss").assign(test_size=500), bootstrap=0)

    assert "train_loss" in report.why["training loss"]
    assert "too few test examples" in report.why["100 labels"]
    assert "50 labels" in report.baselines


def test_refusals() -> None:
    """Equal gaps leave nothing to select; an unknown hyperparameter is suggested."""
    with pytest.raises(LedgerError, match="Nothing can be selected"):
        select(zoo().assign(gap=0.1))
    with pytest.raises(LedgerError, match="Did you mean: width"):
        select(zoo(), within="widht")


def test_a_measure_of_few_networks() -> None:
    """Resamples that draw none of its networks count for nothing, and nobody is warned of a division by zero."""
    ledger = zoo()
    ledger.loc[ledger["hp.width"] + ledger["hp.rate"] * 100 > 9, "measure.perfect"] = (
        np.nan
    )  # one configuration a corruption
    found = select(ledger, bootstrap=200, metadata=METADATA).measures["perfect"]

    assert found.n < 8
    assert 0 <= found.regret.value <= 2
