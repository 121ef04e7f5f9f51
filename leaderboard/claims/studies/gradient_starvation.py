"""Claims of Pezeshki et al. 2020 on spectral decoupling against gradient starvation."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import accuracy_under_shift, contrast, ratio, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Pezeshki et al. 2020, arXiv:2011.09468, abstract"
STUDY: Final = "gradient_starvation"
DECOUPLED: Final = "hp.spectral_decoupling"


def _with_and_without(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select networks with the largest penalty and those without."""
    ledger = evidence.ledger.assign(shifted=accuracy_under_shift(evidence.ledger))
    return where(ledger[ledger[DECOUPLED] > 0], spectral_decoupling=ledger[DECOUPLED].max()), where(
        ledger, spectral_decoupling=0.0
    )


def _robustness(evidence: Evidence) -> Finding:
    return ratio(*_with_and_without(evidence), "measure.adv_radius")


def _shift(evidence: Evidence) -> Finding:
    return contrast(*_with_and_without(evidence), "shifted")


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger.assign(shifted=accuracy_under_shift(evidence.ledger))
    return [
        line("clean images", ledger, DECOUPLED, "test_accuracy"),
        line("under common corruptions", ledger, DECOUPLED, "shifted"),
    ]


FIGURE: Final = Figure(x="penalty of spectral decoupling", y="test accuracy", series=_series)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="decoupling_improves_robustness",
        statement="Spectral decoupling moves the decision boundary away from the training images.",
        source=SOURCE,
        published="improving accuracy and robustness in cases hindered by gradient starvation",
        unit="mean distance from the boundary, ratio to that without",
        holds=Range(low=1),
        test=_robustness,
    ),
    Claim(
        study=STUDY,
        name="decoupling_improves_accuracy_under_shift",
        statement="Spectral decoupling improves accuracy out of distribution.",
        source=SOURCE,
        published="illustrated with simple and real-world out-of-distribution generalization experiments",
        unit="accuracy under corruption, with it minus without",
        holds=Range(low=0),
        test=_shift,
    ),
)
