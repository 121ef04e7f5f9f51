"""Claims of Jelassi & Li 2022: momentum improves generalization, and not because it averages noise."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, chosen_on_other_seeds, contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Jelassi & Li 2022, arXiv:2207.05931"
STUDY: Final = "momentum"


def _tuned(evidence: Evidence) -> pd.DataFrame:
    """Select, for each batch size and momentum, the rate that is best on the other seeds; what diverged is left out."""
    ledger = evidence.ledger[evidence.ledger["stopped"] != "diverged"]
    groups = ledger.groupby(["hp.batch_size", "hp.momentum"])
    best = [chosen_on_other_seeds(rows, "hp.learning_rate", "test_accuracy") for _, rows in groups]
    return pd.concat(best) if best else ledger


def _with_and_without(tuned: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return tuned[tuned["hp.momentum"] > 0], where(tuned, momentum=0.0)


def _full_batch(evidence: Evidence) -> Finding:
    tuned = _tuned(evidence)
    return contrast(
        *_with_and_without(where(tuned, batch_size=evidence.ledger["hp.batch_size"].max())), "test_accuracy"
    )


def _without_noise(evidence: Evidence) -> Finding:
    """Compute, for each seed, the gain from momentum at full batch minus that at the small one."""

    def difference(rows: pd.DataFrame) -> float:
        gains = [
            first["test_accuracy"].mean() - second["test_accuracy"].mean()
            for first, second in (
                _with_and_without(where(rows, batch_size=size))
                for size in (rows["hp.batch_size"].min(), rows["hp.batch_size"].max())
            )
        ]
        return float(gains[1] - gains[0])

    return average_over_seeds(_tuned(evidence), difference)


def _series(evidence: Evidence) -> list[Series]:
    return [
        line(f"momentum {momentum}, batches of {batch}", rows, "hp.learning_rate", "test_accuracy")
        for (batch, momentum), rows in evidence.ledger.groupby(["hp.batch_size", "hp.momentum"])
    ]


FIGURE: Final = Figure(x="learning rate", y="test accuracy", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="momentum_improves_generalization",
        statement="Gradient descent at full batch generalizes better with momentum.",
        source=f"{SOURCE}, abstract",
        published="GD with momentum significantly improves generalization",
        unit="test accuracy, with momentum minus without",
        holds=Range(low=0),
        test=_full_batch,
    ),
    Claim(
        study=STUDY,
        name="the_gain_needs_no_noise",
        statement="The gain from momentum is no smaller at full batch than with the noise of small batches.",
        source=f"{SOURCE}, abstract",
        published="not because momentum stabilizes the noise of SGD, as prior work argues",
        unit="test accuracy, gain at full batch minus gain at small batches",
        holds=Range(low=0),
        test=_without_noise,
    ),
)
