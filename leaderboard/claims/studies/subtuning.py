"""Claims of Kaplun et al. 2023 on tuning a chosen subset of layers."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import chosen_on_other_seeds, contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Kaplun et al. 2023, arXiv:2302.06354, abstract"
STUDY: Final = "subtuning"
TUNED: Final = "hp.tuned_layers"


def _subset_and_all(ledger: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the subset that is best on the other seeds, and the networks of which every layer was tuned."""
    everything = ledger[ledger[TUNED].isna()]
    subset = chosen_on_other_seeds(ledger.drop(everything.index), TUNED, "test_accuracy")
    return subset, everything


def _many(evidence: Evidence) -> Finding:
    ledger = evidence.ledger
    return contrast(*_subset_and_all(where(ledger, train_size=ledger["hp.train_size"].max())), "test_accuracy")


def _few(evidence: Evidence) -> Finding:
    ledger = evidence.ledger
    return contrast(*_subset_and_all(where(ledger, train_size=ledger["hp.train_size"].min())), "test_accuracy")


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger
    sizes = ledger[TUNED].fillna("").map(lambda layers: len(str(layers).split()))
    names = ledger[TUNED].where(sizes < 2, "a block and the head").fillna("all layers").where(sizes != 1, "the head")  # noqa: PLR2004
    return [
        line(str(name), rows, "hp.train_size", "test_accuracy")
        for name, rows in ledger.assign(name=names).groupby("name")
    ]


FIGURE: Final = Figure(x="training examples", y="test accuracy", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="a_subset_matches_all_layers",
        statement="With many examples, tuning a chosen subset of layers does as well as tuning all.",
        source=SOURCE,
        published="often achieves accuracy comparable to full finetuning",
        unit="test accuracy, subset minus all layers",
        holds=Range(low=-0.01),  # "comparable": less than a point worse
        test=_many,
    ),
    Claim(
        study=STUDY,
        name="a_subset_beats_all_layers_on_few_data",
        statement="With few examples, tuning a chosen subset of layers does better than tuning all.",
        source=SOURCE,
        published="even surpasses the performance of full finetuning when training data is scarce",
        unit="test accuracy, subset minus all layers",
        holds=Range(low=0),
        test=_few,
    ),
)
