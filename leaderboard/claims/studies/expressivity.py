"""Claims of Theorem 1 of Zhang et al. 2017 on the capacity of two-layer networks."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Zhang et al. 2017, arXiv:1611.03530, theorem 1"
STUDY: Final = "expressivity"


def _fit(rows: pd.DataFrame) -> float:
    return float(rows["train_accuracy"].min())


def _on_any(evidence: Evidence) -> Finding:
    return average_over_seeds(evidence.ledger, _fit)


def _on_random(evidence: Evidence) -> Finding:
    return average_over_seeds(where(evidence.ledger, corruption="random_labels"), _fit)


def _excess_weights(evidence: Evidence) -> Finding:
    """Compute, for each seed, the largest deviation of the number of weights from 2 n + d."""

    def excess(rows: pd.DataFrame) -> float:
        promised = 2 * rows["observed.num_examples"] + rows["observed.num_inputs"]
        return float((rows["observed.num_params"] - promised).abs().max())

    return average_over_seeds(evidence.ledger, excess)


def _series(evidence: Evidence) -> list[Series]:
    named = [("test, " + name.replace("_", " "), name) for name in ("true_labels", "random_labels")]
    tests = [
        line(what, where(evidence.ledger, corruption=name), "hp.train_size", "test_accuracy") for what, name in named
    ]
    return [line("training, all conditions", evidence.ledger, "hp.train_size", "train_accuracy"), *tests]


FIGURE: Final = Figure(x="training examples", y="accuracy", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="fits_any_labels",
        statement="Some two-layer ReLU network represents any labels of a sample: the training error is zero.",
        source=SOURCE,
        published="any function on a sample of size n",
        unit="training accuracy, lowest of each seed",
        holds=Range(1, 1),
        test=_on_any,
    ),
    Claim(
        study=STUDY,
        name="fits_random_labels",
        statement="It also represents random labels.",
        source=SOURCE,
        published="any function on a sample of size n",
        unit="training accuracy, lowest of each seed",
        holds=Range(1, 1),
        test=_on_random,
    ),
    Claim(
        study=STUDY,
        name="needs_few_weights",
        statement="It needs 2 n + d weights for n examples of d numbers.",
        source=SOURCE,
        published="2 n + d",
        unit="difference in weights, largest of each seed",
        holds=Range(0, 0),
        test=_excess_weights,
    ),
)
