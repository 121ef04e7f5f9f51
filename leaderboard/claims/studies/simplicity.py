"""Claims of Nakkiran et al. 2019: SGD first learns what a linear classifier explains, then more, and keeps it."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds
from leaderboard.claims.figure import Figure, Point, Series

SOURCE: Final = "Nakkiran et al. 2019, arXiv:1905.11604"
STUDY: Final = "simplicity"


def _mean(rows: pd.DataFrame, name: str) -> float:
    return float(rows[f"observed.{name}"].mean())


def _early_share(evidence: Evidence) -> Finding:
    return average_over_seeds(
        evidence.ledger, lambda rows: _mean(rows, "early_explained") / _mean(rows, "early_information")
    )


def _growth_beyond(evidence: Evidence) -> Finding:
    return average_over_seeds(evidence.ledger, lambda rows: _mean(rows, "late_beyond") - _mean(rows, "early_beyond"))


def _kept(evidence: Evidence) -> Finding:
    return average_over_seeds(
        evidence.ledger, lambda rows: _mean(rows, "late_explained") / _mean(rows, "early_explained")
    )


def _series(evidence: Evidence) -> list[Series]:
    found = []
    for name, what in (
        ("information", "in total"),
        ("explained", "explained by a linear classifier"),
        ("beyond", "beyond the linear classifier"),
    ):
        points = []
        for stage in ("early", "late"):
            values = evidence.ledger[f"observed.{stage}_{name}"].dropna()
            points.append(Point(stage, float(values.mean()), float(values.min()), float(values.max())))
        found.append(Series(what, points))
    return found


FIGURE: Final = Figure(x="stage of training", y="bits about the label", series=_series, categories=("early", "late"))


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="early_performance_is_linear",
        statement="Early in training nearly all of a network's performance is explained by a linear classifier.",
        source=f"{SOURCE}, abstract",
        published="almost all of the performance in the initial epochs",
        unit="share of the information on the labels",
        holds=Range(low=0.8),  # "almost all": four fifths
        test=_early_share,
    ),
    Claim(
        study=STUDY,
        name="later_performance_is_not",
        statement="What the network learns beyond the linear classifier is learned later.",
        source=f"{SOURCE}, abstract",
        published="functions of increasing complexity",
        unit="bits gained beyond the linear classifier",
        holds=Range(low=0),
        test=_growth_beyond,
    ),
    Claim(
        study=STUDY,
        name="the_linear_part_is_kept",
        statement="The network keeps what the linear classifier explains.",
        source=f"{SOURCE}, abstract",
        published="the linear classifier is retained throughout",
        unit="ratio to what is explained early",
        holds=Range(low=0.9),  # retained: it falls by less than a tenth
        test=_kept,
    ),
)
