"""Claims of Timpl et al. 2021 on robustness of sparse networks at equal capacity."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import accuracy_under_shift, contrast, ratio, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Timpl et al. 2021, arXiv:2206.10915, abstract"
STUDY: Final = "sparsity"
VERY_HIGH: Final = 0.98  # at the widest of the small size a unit has fewer than one input


def _levels(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Select dense, sparse and very sparse networks."""
    ledger = evidence.ledger.assign(shifted=accuracy_under_shift(evidence.ledger))
    sparsity = ledger["hp.sparsity"]
    return where(ledger, sparsity=0.0), ledger[sparsity.between(0.01, VERY_HIGH)], ledger[sparsity > VERY_HIGH]


def _under_corruption(evidence: Evidence) -> Finding:
    dense, sparse, _ = _levels(evidence)
    return contrast(sparse, dense, "shifted")


def _under_weight_noise(evidence: Evidence) -> Finding:
    dense, sparse, _ = _levels(evidence)
    return ratio(sparse, dense, "measure.avg_sharpness_mag")


def _too_sparse(evidence: Evidence, column: str) -> Finding:
    dense, _, very_sparse = _levels(evidence)
    return contrast(very_sparse, dense, column)


def _accuracy_falls(evidence: Evidence) -> Finding:
    return _too_sparse(evidence, "test_accuracy")


def _robustness_falls(evidence: Evidence) -> Finding:
    return _too_sparse(evidence, "shifted")


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger.assign(shifted=accuracy_under_shift(evidence.ledger))
    return [
        line("clean images", ledger, "hp.width", "test_accuracy"),
        line("under common corruptions", ledger, "hp.width", "shifted"),
    ]


FIGURE: Final = Figure(x="width at equal capacity", y="test accuracy", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="sparse_networks_withstand_corruption",
        statement="At equal capacity sparse networks match a dense one under corruption of the images.",
        source=SOURCE,
        published="sparsified networks consistently match and often outperform their initially dense versions",
        unit="accuracy under corruption, sparse minus dense",
        holds=Range(low=-0.01),  # "match": less than a point worse
        test=_under_corruption,
    ),
    Claim(
        study=STUDY,
        name="sparse_networks_withstand_weight_noise",
        statement="At equal capacity sparse networks match a dense one under noise on the weights.",
        source=SOURCE,
        published="sparsified networks consistently match and often outperform their initially dense versions",
        unit="rise of the loss under noise, ratio to the dense network",
        holds=Range(high=1.1),  # "match": at most a tenth worse
        test=_under_weight_noise,
    ),
    Claim(
        study=STUDY,
        name="very_sparse_networks_lose_accuracy",
        statement="At very high sparsity accuracy declines.",
        source=SOURCE,
        published="robustness and accuracy decline simultaneously for very high sparsity",
        unit="test accuracy, very sparse minus dense",
        holds=Range(high=0),
        test=_accuracy_falls,
    ),
    Claim(
        study=STUDY,
        name="very_sparse_networks_lose_robustness",
        statement="At very high sparsity robustness to corruption declines.",
        source=SOURCE,
        published="robustness and accuracy decline simultaneously for very high sparsity",
        unit="accuracy under corruption, very sparse minus dense",
        holds=Range(high=0),
        test=_robustness_falls,
    ),
)
