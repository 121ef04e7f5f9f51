"""Claims of Kini et al. 2021 on multiplicative logit adjustments under imbalance."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, chosen_on_other_seeds, contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Kini et al. 2021, arXiv:2103.01550, abstract"
STUDY: Final = "vector_scaling"
BALANCED: Final = "observed.balanced_error"


def _scaled_and_plain(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select, for each ratio of the classes, the exponent that is best on the other seeds; and networks without."""
    ledger = evidence.ledger.assign(right=1 - evidence.ledger[BALANCED])
    scaled = ledger[ledger["hp.vector_scaling"] > 0]
    best = [chosen_on_other_seeds(rows, "hp.vector_scaling", "right") for _, rows in scaled.groupby("hp.imbalance")]
    return pd.concat(best) if best else scaled, where(ledger, vector_scaling=0.0)


def _balanced_error(evidence: Evidence) -> Finding:
    return contrast(*_scaled_and_plain(evidence), BALANCED)


def _terminal(evidence: Evidence) -> Finding:
    return average_over_seeds(evidence.ledger, lambda rows: float(rows["train_accuracy"].min()))


def _series(evidence: Evidence) -> list[Series]:
    return [
        line(f"largest class {ratio} times the smallest", rows, "hp.vector_scaling", BALANCED)
        for ratio, rows in evidence.ledger.groupby("hp.imbalance")
    ]


FIGURE: Final = Figure(x="exponent of vector scaling", y="balanced test error", series=_series)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="scaling_lowers_the_balanced_error",
        statement="Multiplying logits by class lowers the balanced test error.",
        source=SOURCE,
        published="multiplicative adjustments change the relative margins between classes appropriately",
        unit="balanced test error, with scaling minus without",
        holds=Range(high=0),
        test=_balanced_error,
    ),
    Claim(
        study=STUDY,
        name="training_errors_are_zero",
        statement="All networks are trained past zero training error.",
        source=SOURCE,
        published="deep nets are trained to the terminal phase, beyond zero training error",
        unit="training accuracy, lowest of each seed",
        holds=Range(low=0.99),
        test=_terminal,
    ),
)
