"""Claims of Liu, Papailiopoulos & Achlioptas 2020: bad minima exist, SGD finds them, regularizers leave them."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, combinations_of, combined, contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Liu, Papailiopoulos & Achlioptas 2020, arXiv:1906.02613"
STUDY: Final = "bad_minima"
PLAIN: Final = {"momentum": 0.0, "weight_decay": 0.0, "augmentation": "none"}


def _regularized(ledger: pd.DataFrame) -> pd.DataFrame:
    """Select networks with momentum, weight decay and augmentation."""
    return ledger[(ledger["hp.momentum"] > 0) & (ledger["hp.weight_decay"] > 0) & (ledger["hp.augmentation"] != "none")]


def _loss_of_accuracy(frame: pd.DataFrame) -> Finding:
    fresh = frame["hp.pretrain_copies"] == 0
    return contrast(frame[fresh], frame[~fresh], "test_accuracy")


def _plain(evidence: Evidence) -> Finding:
    return _loss_of_accuracy(where(evidence.ledger, **PLAIN))


def _with_regularizers(evidence: Evidence) -> Finding:
    return _loss_of_accuracy(_regularized(evidence.ledger))


def _fit(evidence: Evidence) -> Finding:
    plain = where(evidence.ledger, **PLAIN)
    misled = plain[plain["hp.pretrain_copies"] > 0]
    return average_over_seeds(misled, lambda rows: float(rows["train_accuracy"].mean()))


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger
    on = {
        "momentum": ledger["hp.momentum"] > 0,
        "decay": ledger["hp.weight_decay"] > 0,
        "aug": ledger["hp.augmentation"] != "none",
    }
    ledger = ledger.assign(setting=combined(on))
    fresh = ledger["hp.pretrain_copies"] == 0
    parts = (("fresh start", ledger[fresh]), ("from random labels", ledger[~fresh]))
    return [line(name, rows, "setting", "test_accuracy") for name, rows in parts]


FIGURE: Final = Figure(
    x="regularizers: momentum, weight decay, augmentation",
    y="test accuracy",
    series=_series,
    categories=combinations_of(["momentum", "decay", "aug"]),
)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="plain_sgd_stays_in_bad_minima",
        statement="Started from fitted random labels, plain SGD ends at minima far worse than from a fresh start.",
        source=f"{SOURCE}, abstract",
        published="up to 40 points of test accuracy lost",
        unit="test accuracy, fresh start minus misled start",
        holds=Range(low=0.05),  # far worse: more than twice the 2 points that count as no effect below
        test=_plain,
    ),
    Claim(
        study=STUDY,
        name="they_are_global_minima",
        statement="These minima fit the training set.",
        source=f"{SOURCE}, sec. 1",
        published="100 % training accuracy",
        unit="training accuracy",
        holds=Range(low=0.999),
        test=_fit,
    ),
    Claim(
        study=STUDY,
        name="regularizers_leave_them",
        statement="With augmentation, weight decay and momentum the start has no effect.",
        source=f"{SOURCE}, abstract",
        published="no effect",
        unit="test accuracy, fresh start minus misled start",
        holds=Range(-0.02, 0.02),  # none: two points, which is what 500 test images resolve
        test=_with_regularizers,
    ),
)
