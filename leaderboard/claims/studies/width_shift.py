"""Claims of Koutini et al. 2021 on width and generalization to unseen devices."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import accuracy_under_shift, contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Koutini et al. 2021, arXiv:2107.08933, abstract"
STUDY: Final = "width_shift"


def _shifted(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add the accuracy under corruption; select dense and sparse networks."""
    ledger = evidence.ledger.assign(shifted=accuracy_under_shift(evidence.ledger))
    return where(ledger, sparsity=0.0), ledger[ledger["hp.sparsity"] > 0]


def _wider(evidence: Evidence) -> Finding:
    dense, _ = _shifted(evidence)
    ends = dense["hp.width"].max(), dense["hp.width"].min()
    return contrast(where(dense, width=ends[0]), where(dense, width=ends[1]), "shifted")


def _no_more_parameters(evidence: Evidence) -> Finding:
    """Compare sparse networks with the dense one of as many weights: that of the second smallest width."""
    dense, sparse = _shifted(evidence)
    second = dense["hp.width"].drop_duplicates().nsmallest(2).max()
    return contrast(sparse, where(dense, width=second), "shifted")


def _series(evidence: Evidence) -> list[Series]:
    names = ("dense", "as many weights at each width")
    return [line(name, rows, "hp.width", "shifted") for name, rows in zip(names, _shifted(evidence), strict=True)]


FIGURE: Final = Figure(x="width", y="accuracy under common corruptions", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="width_helps_under_shift",
        statement="The widest network generalizes better under a shift than the narrowest.",
        source=SOURCE,
        published="increasing width improves generalization to unseen devices",
        unit="accuracy under corruption, widest minus narrowest",
        holds=Range(low=0),
        test=_wider,
    ),
    Claim(
        study=STUDY,
        name="width_helps_without_more_parameters",
        statement="A wider network generalizes better under a shift even with no more parameters.",
        source=SOURCE,
        published="even without an increase in the number of parameters",
        unit="accuracy under corruption, wide and sparse minus dense",
        holds=Range(low=0),
        test=_no_more_parameters,
    ),
)
