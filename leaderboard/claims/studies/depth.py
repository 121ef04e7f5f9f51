"""Claims of Nichani, Radhakrishnan & Uhler 2021: test error is a U-shaped curve over depth."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, chosen_on_other_seeds, contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Nichani, Radhakrishnan & Uhler 2021, arXiv:2010.09610"
STUDY: Final = "depth"


def _against(evidence: Evidence, end: float) -> Finding:
    """Compute the test error at one end of the sweep minus that at the depth inside it that is best on other seeds."""
    ledger = evidence.ledger.assign(test_error=1 - evidence.ledger["test_accuracy"])
    inside = ledger[ledger["hp.depth"].between(ledger["hp.depth"].min(), ledger["hp.depth"].max(), inclusive="neither")]
    best = chosen_on_other_seeds(inside, "hp.depth", "test_accuracy")
    return contrast(where(ledger[ledger["seed"].isin(best["seed"])], depth=end), best, "test_error")


def _falls(evidence: Evidence) -> Finding:
    return _against(evidence, evidence.ledger["hp.depth"].min())


def _rises(evidence: Evidence) -> Finding:
    return _against(evidence, evidence.ledger["hp.depth"].max())


def _fitted(evidence: Evidence) -> Finding:
    def least(rows: pd.DataFrame) -> float:
        return float(rows["train_accuracy"].min())

    return average_over_seeds(evidence.ledger, least)


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger.assign(test_error=1 - evidence.ledger["test_accuracy"])
    return [line(str(model), rows, "hp.depth", "test_error") for model, rows in ledger.groupby("hp.model")]


FIGURE: Final = Figure(x="depth in blocks", y="test error", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="error_falls_with_depth_at_first",
        statement="Test error is larger in the shallowest network than at a depth in between.",
        source=f"{SOURCE}, abstract",
        published="test risk is a U-shaped curve (monotonically decreasing, then increasing) with increasing depth",
        unit="test error, shallowest minus best depth",
        holds=Range(low=0),
        test=_falls,
    ),
    Claim(
        study=STUDY,
        name="error_rises_with_depth_at_last",
        statement="Test error is larger in the deepest network than at a depth in between.",
        source=f"{SOURCE}, abstract",
        published="test risk is a U-shaped curve (monotonically decreasing, then increasing) with increasing depth",
        unit="test error, deepest minus best depth",
        holds=Range(low=0),
        test=_rises,
    ),
    Claim(
        study=STUDY,
        name="every_depth_fits",
        statement="Networks of every depth fit their training set.",
        source=f"{SOURCE}, abstract",
        published="over-parameterized convolutional networks",
        unit="training accuracy, lowest of each seed",
        holds=Range(low=0.99),
        test=_fitted,
    ),
)
