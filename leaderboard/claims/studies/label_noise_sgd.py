"""Claims of Damian, Ma & Lee 2021 on SGD with label noise."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, contrast, rank_correlation, ratio, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Damian, Ma & Lee 2021, arXiv:2106.06530"
STUDY: Final = "label_noise_sgd"
TRACE: Final = "observed.squared_error_trace"


def _sides(evidence: Evidence, loss: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select networks of one loss with and without label noise, leaving out those that diverged."""
    ledger = where(evidence.ledger[evidence.ledger["stopped"] != "diverged"], loss=loss)
    return ledger[ledger["hp.label_resampling"] > 0], where(ledger, label_resampling=0.0)


def _trace(evidence: Evidence) -> Finding:
    return ratio(*_sides(evidence, "squared_error"), TRACE)


def _rate(evidence: Evidence) -> Finding:
    noisy, _ = _sides(evidence, "squared_error")
    return average_over_seeds(noisy, lambda rows: rank_correlation(rows["hp.learning_rate"], rows[TRACE]))


def _accuracy(evidence: Evidence) -> Finding:
    return contrast(*_sides(evidence, "cross_entropy"), "test_accuracy")


def _series(evidence: Evidence) -> list[Series]:
    names, sides = ("label noise", "none"), _sides(evidence, "squared_error")
    return [line(name, rows, "hp.learning_rate", TRACE) for name, rows in zip(names, sides, strict=True)]


FIGURE: Final = Figure(x="learning rate", y="trace of the Hessian", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="label_noise_flattens",
        statement="SGD with label noise settles where the trace of the Hessian is smaller.",
        source=f"{SOURCE}, abstract",
        published="it converges to a stationary point of the loss plus lambda times a regularizer",
        unit="ratio to the trace without noise",
        holds=Range(high=1),
        test=_trace,
    ),
    Claim(
        study=STUDY,
        name="larger_rates_flatten_more",
        statement="With label noise the trace falls with the learning rate.",
        source=f"{SOURCE}, abstract",
        published="lambda grows with the learning rate and the strength of the noise",
        unit="rank correlation of rate and trace",
        holds=Range(high=0),
        test=_rate,
    ),
    Claim(
        study=STUDY,
        name="label_noise_helps",
        statement="From a start that generalizes badly, networks trained with label noise generalize better.",
        source=f"{SOURCE}, abstract",
        published="training with noisy labels improves generalization",
        unit="test accuracy",
        holds=Range(low=0),
        test=_accuracy,
    ),
)
