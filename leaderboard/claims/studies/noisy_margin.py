"""Claims on max margin with wrong labels: benign overfitting, harm, and every example a support vector."""

from functools import partial
from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds
from leaderboard.claims.figure import Figure, Series, line
from leaderboard.claims.studies.multiclass_margin import (
    DIM,
    SHARE,
    at_dimension,
    deviation_from_limit,
    parameters_of,
    theory,
)

STUDY: Final = "noisy_margin"
CHATTERJI: Final = "Chatterji & Long 2021, arXiv:2004.12019"
CAO: Final = "Cao, Gu & Belkin 2021, arXiv:2104.13628"
WANG: Final = "Wang & Thrampoulidis 2021, arXiv:2011.09148"
STAYING: Final = 2.5  # length of the means that do not grow
KEPT: Final = 0.6  # of the labels; the others are random


def _rows(evidence: Evidence, *, grows: bool) -> pd.DataFrame:
    ledger = parameters_of(evidence).assign(test_error=1 - evidence.ledger["test_accuracy"])
    return ledger[(ledger["data.signal"] != STAYING) == grows]


def _fit(evidence: Evidence) -> Finding:
    return average_over_seeds(evidence.ledger, lambda rows: float(rows["train_accuracy"].min()))


def _error_at_most(evidence: Evidence) -> Finding:
    rows = _rows(evidence, grows=True)
    return average_over_seeds(rows[rows[DIM] == rows[DIM].max()], lambda own: float(own["test_error"].mean()))


def _harm(evidence: Evidence) -> Finding:
    """Compute, for each seed, the test error with staying means at the most dimensions, minus its least."""

    def rise(rows: pd.DataFrame) -> float:
        errors = rows.groupby(DIM)["test_error"].mean()
        return float(errors.iloc[-1] - errors.min())

    return average_over_seeds(_rows(evidence, grows=False), rise)


def _series(evidence: Evidence) -> list[Series]:
    found = []
    for grows, name in ((True, "growing means"), (False, "staying means")):
        rows = _rows(evidence, grows=grows)
        found += [line(f"test error, {name}", rows, DIM, "test_error"), theory(f"theory, {name}", rows, KEPT)]
    return [*found, line("share of support vectors", parameters_of(evidence), DIM, SHARE)]


FIGURE: Final = Figure(x="dimensions", y="test error, or share of training examples", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="fits_wrong_labels",
        statement="The max-margin classifier fits every label, a fifth of them wrong.",
        source=CHATTERJI,
        published="training data are separable with high probability",
        unit="training accuracy, lowest of each seed",
        holds=Range(1, 1),
        test=_fit,
    ),
    Claim(
        study=STUDY,
        name="overfitting_is_benign",
        statement="With enough dimensions, and means whose fourth power outgrows them, its error is nearly the best.",
        source=CHATTERJI,
        published="excess error of at most exp(-c |mu|^4 / d)",
        unit="test error on true labels at the most dimensions",
        holds=Range(high=0.01),
        test=_error_at_most,
    ),
    Claim(
        study=STUDY,
        name="overfitting_harms_with_short_means",
        statement="With means that stay as they are, more dimensions end in a larger error.",
        source=CAO,
        published="a matching lower bound, exp(-c n |mu|^4 / d)",
        unit="test error at the most dimensions minus the least",
        holds=Range(low=0.05),
        test=_harm,
    ),
    Claim(
        study=STUDY,
        name="all_are_support_vectors",
        statement="In many dimensions every training example is a support vector.",
        source=WANG,
        published="all of them, once d exceeds some multiple of n log n",
        unit="share of the training examples at the most dimensions",
        holds=Range(low=0.999),
        test=partial(at_dimension, column=SHARE, most=True),
    ),
    Claim(
        study=STUDY,
        name="follows_the_formula",
        statement="The test error is that of the limit of least squares.",
        source=WANG,
        published="the solution is that of least squares, whose limit is ridge regression's at no ridge",
        unit="mean difference in test error, at 20 dimensions an example or more",
        holds=Range(high=0.03),
        test=partial(deviation_from_limit, model="max_margin", kept=KEPT, least=20),
    ),
)
