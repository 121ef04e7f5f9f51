"""Claims of Kamalakara et al. 2021 on networks of factorised layers."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Kamalakara et al. 2021, arXiv:2209.13569, abstract"
STUDY: Final = "low_rank"
LEAST: Final = 0.5  # share of the full rank that counts as enough; the lower ones are compared with narrower networks


def _of(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Select networks of full rank, of half, of less, and narrower ones."""
    ledger = evidence.ledger
    wide = where(ledger, width=ledger["hp.width"].max())
    rank = wide["hp.rank"]
    return where(wide, rank=1.0), wide[rank.between(LEAST, 0.99)], wide[rank < LEAST], ledger.drop(wide.index)


def _works(evidence: Evidence) -> Finding:
    full, half, _, _ = _of(evidence)
    return contrast(half, full, "test_accuracy")


def _efficient(evidence: Evidence) -> Finding:
    _, _, low, narrow = _of(evidence)
    return contrast(low, narrow, "test_accuracy")


def _series(evidence: Evidence) -> list[Series]:
    full, half, low, narrow = _of(evidence)
    return [
        line("factorised", pd.concat([half, low]), "observed.num_params", "test_accuracy"),
        line("full rank", pd.concat([full, narrow]), "observed.num_params", "test_accuracy"),
    ]


FIGURE: Final = Figure(x="parameters", y="test accuracy", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="half_rank_trains_as_well",
        statement="Networks whose layers are factorised to half of their rank before training lose nothing.",
        source=SOURCE,
        published="techniques that work well in practice",
        unit="test accuracy, half rank minus full rank",
        holds=Range(low=-0.01),  # "work well": less than a point worse
        test=_works,
    ),
    Claim(
        study=STUDY,
        name="low_rank_beats_narrow",
        statement="With as many weights, a wide network of low rank is no worse than a narrow one of full rank.",
        source=SOURCE,
        published="it offers efficiency over unfactorised training in memory and time",
        unit="test accuracy, low rank minus narrow",
        holds=Range(low=-0.01),  # no worse: less than a point
        test=_efficient,
    ),
)
