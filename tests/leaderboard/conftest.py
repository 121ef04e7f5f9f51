"""A ledger of real numbers that takes no time: ridge classifiers of the digits, of three kinds of labels."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from tests.leaderboard.reports import Ranked

LABELS = {"true_labels": 0.0, "partial_labels": 0.5, "random_labels": 1.0}  # the share that is replaced
HOSTILE = "<b>m</b><script>alert(1)</script>"  # a name that a page which forgets to escape would run


@pytest.fixture(scope="session")
def ridge_ledger() -> pd.DataFrame:
    """36 classifiers: 3 kinds of labels x 2 sizes x 3 ridges x 2 seeds; some have no log_margin."""
    inputs, labels = load_digits(return_X_y=True)
    inputs = inputs / 16
    rows: list[dict[str, Any]] = []
    for corruption, size, ridge, seed in product(LABELS, (40, 80), (0.1, 1.0, 10.0), (0, 1)):
        rng = np.random.default_rng([seed, size])
        chosen = rng.permutation(1000)[:size]
        x, y = inputs[chosen], labels[chosen]
        y = np.where(rng.random(size) < LABELS[corruption], rng.integers(0, 10, size), y)
        weight = np.linalg.solve(x.T @ x + ridge * np.eye(64), x.T @ (np.eye(10)[y] - 0.1))  # [64, 10]
        logits = x @ weight
        own = logits[np.arange(size), y]
        others = np.where(np.eye(10)[y] == 1, -np.inf, logits).max(axis=1)
        margin = float(np.percentile(own - others, 10))
        rows.append(
            {
                "run_id": f"ridge_{len(rows):02d}",
                "seed": seed,
                "hp.corruption": corruption,
                "hp.train_size": size,
                "hp.ridge": ridge,
                "train_accuracy": float(np.mean(logits.argmax(axis=1) == y)),
                "test_accuracy": float(np.mean((inputs[1000:] @ weight).argmax(axis=1) == labels[1000:])),
                "converged": len(rows) != 7,
                "measure.frobenius_norm": float(np.linalg.norm(weight)),
                "measure.margin": margin,
                f"measure.{HOSTILE}": float(np.linalg.norm(weight, 2)),
                "measure.log_margin": float(np.log(margin)) if margin > 0 else np.nan,
                "cost.frobenius_norm": 0.0021,
                "outcome.log_margin": "scored" if margin > 0 else "unsupported",
                "why.log_margin": "" if margin > 0 else "The margin must be positive; got one that is not.",
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def ridge_report(ridge_ledger: pd.DataFrame) -> Report:
    """The ranking of the ridge classifiers."""
    metadata: dict[str, dict[str, Any]] = {
        "frobenius_norm": {
            "family": "norm",
            "source": "Jiang et al. 2020, eq. 42",
            "summary": "Norm of the weights.",
            "track": "training data",
            "expected_sign": 1,
        },
        "margin": {"family": "margin", "expected_sign": -1, "source": "Jiang et al. 2020, eq. 22", "version": 2},
        HOSTILE: {"family": "norm", "expected_sign": 1, "source": HOSTILE, "summary": HOSTILE},
        "log_margin": {"family": "margin", "expected_sign": -1, "needs": ["init"]},
    }
    return rank(ridge_ledger, metadata=metadata, bootstrap=100)


@pytest.fixture(scope="session")
def ridge_json(ridge_report: Report) -> Ranked:
    """The same as JSON."""
    return Ranked(ridge_report)
