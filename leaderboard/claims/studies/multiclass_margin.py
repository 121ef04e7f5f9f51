"""Claims of Wang, Muthukumar & Thrampoulidis 2021 on multiclass max margin and least squares."""

from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.asymptotics import error_on_mixture
from leaderboard.claims.claim import Claim, Evidence, Finding, Range, bootstrap
from leaderboard.claims.effects import average_over_seeds, where
from leaderboard.claims.figure import Figure, Point, Series, line
from leaderboard.claims.synthetic import with_parameters

SOURCE: Final = "Wang, Muthukumar & Thrampoulidis 2021, arXiv:2106.10865"
STUDY: Final = "multiclass_margin"
MACHINE, SQUARES = "max_margin", "least_squares"
DIM: Final = "data.dim"
SHARE: Final = "observed.support_share"
DISTANCE: Final = "observed.from_least_squares"
KEYS: Final = [DIM, "hp.train_size", "data.signal", "data.classes"]


def parameters_of(evidence: Evidence) -> pd.DataFrame:
    """Add the parameters of the mixtures."""
    return with_parameters(evidence.ledger, dim=None, signal=None, classes=2.0)


def at_dimension(evidence: Evidence, column: str, *, most: bool) -> Finding:
    """Compute the mean of a column over the machines at the most or the fewest dimensions, for each seed."""
    rows = where(parameters_of(evidence), model=MACHINE)
    end = rows[DIM].max() if most else rows[DIM].min()
    return average_over_seeds(rows[rows[DIM] == end], lambda own: float(own[column].mean()))


def deviation_from_limit(evidence: Evidence, model: str, kept: float, least: float = 0) -> Finding:
    """Compute the mean absolute difference between test errors, averaged over seeds, and the limit of least squares.

    Args:
        evidence: of a study.
        model: the solution that is compared.
        kept: share of the labels that is not replaced.
        least: dimensions an example from which on it is compared.
    """
    rows = where(parameters_of(evidence), model=model)
    rows = rows[rows[DIM] >= least * rows["hp.train_size"]].assign(test_error=lambda own: 1 - own["test_accuracy"])

    def deviation(own: pd.DataFrame) -> float:
        means = own.groupby(KEYS)["test_error"].mean()
        frame = means.index.to_frame()
        limits = [
            error_on_mixture(dim / size, signal, kept, int(classes))
            for dim, size, signal, classes in frame[KEYS].astype(float).to_numpy()
        ]
        return float(np.abs(means.to_numpy() - np.array(limits)).mean())

    return bootstrap(rows, deviation, by=["seed"])


def theory(name: str, rows: pd.DataFrame, kept: float) -> Series:
    """Draw the limit of least squares at the dimensions of some networks."""
    points = []
    for dim, size, signal, classes in rows[KEYS].drop_duplicates().sort_values(DIM).astype(float).to_numpy():
        error = error_on_mixture(dim / size, signal, kept, int(classes))
        points.append(Point(float(dim), error, error, error))
    return Series(name, points, marked=False)


def _series(evidence: Evidence) -> list[Series]:
    ledger = parameters_of(evidence).assign(test_error=1 - evidence.ledger["test_accuracy"])
    machine = where(ledger, model=MACHINE)
    return [
        line("max margin, test error", machine, DIM, "test_error"),
        line("least squares, test error", where(ledger, model=SQUARES), DIM, "test_error"),
        theory("theory, least squares", machine, 1.0),
        line("max margin, share of support vectors", machine, DIM, SHARE),
        line("max margin, distance from least squares", machine, DIM, DISTANCE),
    ]


FIGURE: Final = Figure(
    x="dimensions", y="share of test examples, of constraints, or distance", series=_series, log=True
)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="machine_is_least_squares",
        statement="In many dimensions the multiclass max-margin classifier is the least-squares one of least norm.",
        source=SOURCE,
        published="equal with high probability",
        unit="relative distance at the most dimensions",
        holds=Range(high=1e-6),
        test=partial(at_dimension, column=DISTANCE, most=True),
    ),
    Claim(
        study=STUDY,
        name="all_are_support_vectors",
        statement="In many dimensions every training example is a support vector, against every other class.",
        source=SOURCE,
        published="all of them",
        unit="share of the constraints at the most dimensions",
        holds=Range(low=0.999),
        test=partial(at_dimension, column=SHARE, most=True),
    ),
    Claim(
        study=STUDY,
        name="few_dimensions_differ",
        statement="In few dimensions they differ.",
        source=SOURCE,
        published="the share of support vectors rises to one with the dimensions",
        unit="relative distance at the fewest dimensions",
        holds=Range(low=0.05),
        test=partial(at_dimension, column=DISTANCE, most=False),
    ),
    Claim(
        study=STUDY,
        name="follows_the_formula",
        statement="The test error of least squares is that of its limit.",
        source=SOURCE,
        published="bounds on the error of least squares; the limit is that of ridge regression at no ridge",
        unit="mean difference in test error",
        holds=Range(high=0.03),
        test=partial(deviation_from_limit, model=SQUARES, kept=1.0),
    ),
)
