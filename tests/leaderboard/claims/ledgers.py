"""Rows as the evidence that claims are judged on."""

from typing import Any

import numpy as np
import pandas as pd

from leaderboard.claims import Evidence

Row = dict[str, Any]
NO_CURVES = pd.DataFrame(columns=["run_id", "epoch", "train_accuracy", "test_accuracy"])


def evidence(
    rows: list[Row], arrays: dict[str, dict[str, Any]] | None = None, curves: list[Row] | None = None
) -> Evidence:
    """Rows, each with an id and with what every network has, to which a little noise by row is added."""
    draw = np.random.default_rng(0)
    base = {
        "stopped": "target", "converged": True, "epochs": 10, "train_accuracy": 1.0, "test_accuracy": 0.9,
        "test_size": 500, "hp.corruption": "true_labels", "hp.model": "mlp", "hp.width": 1.0, "hp.depth": 2,
    }  # fmt: skip
    whole = [{"run_id": f"run{i}", **base, **row} for i, row in enumerate(rows)]
    ledger = pd.DataFrame(whole)
    ledger["test_accuracy"] = (ledger["test_accuracy"] + draw.normal(0, 0.001, len(ledger))).clip(0, 1)
    ledger["gap"] = ledger.get("gap", ledger["train_accuracy"] - ledger["test_accuracy"])
    return Evidence(ledger, NO_CURVES if curves is None else pd.DataFrame(curves), arrays or {})
