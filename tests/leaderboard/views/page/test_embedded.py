"""Test the data embedded in the page: the ledger to the last bit, figures of the ranking, and learning curves."""

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leaderboard.ranking.report import Report
from leaderboard.views.page import build
from leaderboard.views.page.embedded import thin_epochs
from tests.leaderboard.conftest import HOSTILE
from tests.leaderboard.reports import Ranked
from tests.leaderboard.views.page.conftest import Parsed


def numbers(text: str, dtype: str) -> list[float]:
    """A column of the data block."""
    return list(np.frombuffer(base64.b64decode(text), dtype).tolist())


def test_the_ledger_is_embedded_to_the_last_bit(data: dict[str, Any], ridge_ledger: pd.DataFrame) -> None:
    """Every column of every network, ranked or not: doubles as they are, text and truth as text, -1 for nothing."""
    assert list(data["ledger"]) == list(ridge_ledger)
    for name, column in data["ledger"].items():
        values = ridge_ledger[name]
        if "numbers" in column:
            np.testing.assert_array_equal(numbers(column["numbers"], "<f8"), values.to_numpy(np.float64))
        else:
            found = [column["texts"][code] if code >= 0 else None for code in numbers(column["codes"], "<i4")]
            assert found == [str(value) for value in values]
    assert "texts" in data["ledger"]["hp.corruption"]
    assert "texts" in data["ledger"]["converged"]
    assert "numbers" in data["ledger"]["seed"]


def test_what_the_ranking_adds(data: dict[str, Any], ridge_ledger: pd.DataFrame, ridge_json: Ranked) -> None:
    """Which networks were ranked, their gaps, the scores of the controls, and each row's place in the plots."""
    ranked = ridge_ledger[ridge_ledger["converged"]]
    gap = (ranked["train_accuracy"] - ranked["test_accuracy"]).to_list()

    assert data["target"] == "generalization gap"
    assert data["rows"] == ranked.index.to_list()
    assert numbers(data["gap"], "<f8") == gap
    assert data["group"] == "hp.corruption"
    assert data["hyperparameters"] == ["hp.corruption", "hp.train_size", "hp.ridge"]
    assert set(data["measures"]) == set(data["controls"]) | {"frobenius_norm", "margin", "log_margin", HOSTILE}
    assert numbers(data["controls"]["hp.ridge"], "<f4") == pytest.approx(ranked["hp.ridge"].to_list(), rel=1e-6)
    oracle = np.array(numbers(data["controls"]["noisy_oracle_0.01"], "<f4")) - gap
    assert 0.004 < oracle.std() < 0.02
    for name, entry in ridge_json["measures"].items():
        own = data["measures"][name]
        assert own["psi"] == entry["Psi"]
        assert own["psi_of"] == list(entry["psi"].values())
        assert own["sign"] == entry["expected_sign"]
        assert own["control"] == entry["control"]
    assert data["measures"]["frobenius_norm"]["seconds"] == 0.0021
    assert data["curves"] is None


@pytest.mark.parametrize(("length", "kept"), [(0, 0), (1, 1), (64, 64), (65, 64), (1000, 64)])
def test_thinned_curves(length: int, kept: int) -> None:
    """Both ends stay, in order, none twice; a short curve stays whole."""
    places = thin_epochs(length)

    assert len(places) == len(set(places)) == kept
    assert places == sorted(places)
    if length:
        assert (places[0], places[-1]) == (0, length - 1)


def test_learning_curves(ridge_report: Report, ridge_ledger: pd.DataFrame) -> None:
    """Losses by network, in the ledger's order, thinned; a network without a curve has none."""
    curves = {"ridge_03": [0.5, 0.25], "ridge_01": [float(epoch) for epoch in range(127)], "unknown": [1.0]}
    document = build(ridge_report, ridge_ledger, {}, curves=curves)
    (block,) = (text for kind, text in Parsed(document).scripts if kind == "application/json")
    found = json.loads(block)["curves"]

    assert numbers(found["lengths"], "<u4") == [0, 127, 0, 2, *[0] * 32]
    assert numbers(found["values"], "<f4") == [float(2 * place) for place in range(64)] + [0.5, 0.25]
    assert 'data-plot="curves"' in document
