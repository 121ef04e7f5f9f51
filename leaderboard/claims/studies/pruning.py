"""Claims of Jin, Dziugaite & Carbin 2021 on pruning and generalization."""

from functools import partial
from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import chosen_on_other_seeds, contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Jin, Dziugaite & Carbin 2021, abstract"
STUDY: Final = "pruning"
REWINDS: Final = {"weights": "weights rewound", "learning_rate": "rate rewound"}


def _dense(ledger: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select dense networks, trained for as long as one round and for as long as all."""
    dense = where(ledger, prune=0.0)
    long = dense["hp.max_epochs"] == dense["hp.max_epochs"].max()
    return dense[~long], dense[long]


def _pruned(ledger: pd.DataFrame, rewind: str) -> pd.DataFrame:
    """Select, for each kind of labels, the networks pruned by the share that is best on the other seeds."""
    pruned = where(ledger[ledger["hp.prune"] > 0], rewind=rewind)
    groups = pruned.groupby("hp.corruption")
    best = [chosen_on_other_seeds(rows, "hp.prune", "test_accuracy") for _, rows in groups]
    return pd.concat(best) if best else pruned


def _gain(evidence: Evidence, rewind: str) -> Finding:
    dense, _ = _dense(evidence.ledger)
    return contrast(_pruned(evidence.ledger, rewind), dense, "test_accuracy")


def _more_than_longer_training(evidence: Evidence) -> Finding:
    _, longer = _dense(evidence.ledger)
    pruned = pd.concat([_pruned(evidence.ledger, rewind) for rewind in REWINDS])
    return contrast(pruned, longer, "test_accuracy")


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger
    dense, longer = _dense(ledger)
    pruned = [
        line(f"{name}, {labels}", where(ledger[ledger["hp.prune"] > 0], rewind=rewind, corruption=labels), "hp.prune",
             "test_accuracy")
        for rewind, name in REWINDS.items() for labels in sorted(ledger["hp.corruption"].unique())
    ]  # fmt: skip
    ends = {"dense": dense, "dense, longer": longer}
    return [*(line(name, rows, "hp.prune", "test_accuracy") for name, rows in ends.items()), *pruned]


FIGURE: Final = Figure(x="share of the weights that is removed", y="test accuracy", series=_series)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="weight_rewinding_improves_generalization",
        statement="Pruning with weight rewinding improves generalization.",
        source=SOURCE,
        published="pruning also improves generalization",
        unit="test accuracy, pruned minus dense",
        holds=Range(low=0),
        test=partial(_gain, rewind="weights"),
    ),
    Claim(
        study=STUDY,
        name="rate_rewinding_improves_generalization",
        statement="Pruning with learning-rate rewinding improves generalization.",
        source=SOURCE,
        published="pruning also improves generalization",
        unit="test accuracy, pruned minus dense",
        holds=Range(low=0),
        test=partial(_gain, rewind="learning_rate"),
    ),
    Claim(
        study=STUDY,
        name="longer_training_is_not_the_reason",
        statement="Pruning generalizes better than dense training of the same length.",
        source=SOURCE,
        published="each individual contribution is limited compared to the pruning algorithm in its entirety",
        unit="test accuracy, pruned minus dense of equal length",
        holds=Range(low=0),
        test=_more_than_longer_training,
    ),
)
