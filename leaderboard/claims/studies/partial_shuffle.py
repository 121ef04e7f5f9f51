"""Claims of Livne et al. 2023 on Corgi2, and on CorgiPile where shards are homogeneous."""

from functools import partial
from typing import Final

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Livne et al. 2023, arXiv:2309.01640, abstract"
STUDY: Final = "partial_shuffle"


def _between(evidence: Evidence, first: str, second: str) -> Finding:
    ledger = evidence.ledger
    return contrast(where(ledger, data_order=first), where(ledger, data_order=second), "test_accuracy")


def _series(evidence: Evidence) -> list[Series]:
    return [line("networks", evidence.ledger, "hp.data_order", "test_accuracy")]


FIGURE: Final = Figure(
    x="order of the data", y="test accuracy", series=_series, categories=("full", "corgi2", "corgipile", "none")
)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="corgi2_matches_a_full_shuffle",
        statement="Corgi2 does as well as a full shuffle, even where every shard holds one class.",
        source=SOURCE,
        published="it performs similarly to SGD with random access (even for homogenous data)",
        unit="test accuracy, Corgi2 minus full shuffle",
        holds=Range(low=-0.01),  # "similarly": less than a point worse
        test=partial(_between, first="corgi2", second="full"),
    ),
    Claim(
        study=STUDY,
        name="corgipile_loses_accuracy",
        statement="CorgiPile does worse than a full shuffle where every shard holds one class.",
        source=SOURCE,
        published="at the cost of some performance loss, particularly apparent for homogeneous shards",
        unit="test accuracy, CorgiPile minus full shuffle",
        holds=Range(high=0),
        test=partial(_between, first="corgipile", second="full"),
    ),
    Claim(
        study=STUDY,
        name="corgi2_beats_corgipile",
        statement="Corgi2 does better than CorgiPile where every shard holds one class.",
        source=SOURCE,
        published="the best of both worlds",
        unit="test accuracy, Corgi2 minus CorgiPile",
        holds=Range(low=0),
        test=partial(_between, first="corgi2", second="corgipile"),
    ),
)
