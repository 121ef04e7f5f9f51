"""Claims of Nakkiran & Bansal 2020: interpolating classifiers reproduce the label noise of a class on the test set."""

from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds
from leaderboard.claims.figure import Figure, Series, dots

SOURCE: Final = "Nakkiran & Bansal 2020, arXiv:2009.08092"
STUDY: Final = "feature_calibration"


def _of(evidence: Evidence, *, kernels: bool) -> pd.DataFrame:
    ledger = evidence.ledger
    return ledger[ledger["hp.model"].str.startswith("kernel") == kernels]


def _slope(evidence: Evidence, *, kernels: bool) -> Finding:
    """Compute, for each seed, the least-squares slope of the test share on the training share."""

    def slope(rows: pd.DataFrame) -> float:
        x = rows["observed.confused_train"].to_numpy(dtype=float)
        if np.ptp(x) == 0:
            return float("nan")
        return float(np.polyfit(x, rows["observed.confused_test"].to_numpy(dtype=float), 1)[0])

    return average_over_seeds(_of(evidence, kernels=kernels), slope)


def _distance(evidence: Evidence) -> Finding:
    noisy = evidence.ledger[evidence.ledger["observed.confused_train"] > 0]
    return average_over_seeds(noisy, lambda rows: float(rows["observed.total_variation"].mean()))


def _harm_elsewhere(evidence: Evidence) -> Finding:
    """Compute the test accuracy that the other classes lose under the noise."""

    def harm(rows: pd.DataFrame) -> float:
        noisy = rows["observed.confused_train"] > 0
        return float(rows.loc[~noisy, "observed.others_right"].mean() - rows.loc[noisy, "observed.others_right"].mean())

    return average_over_seeds(evidence.ledger, harm)


def _slope_claim(name: str, what: str, *, kernels: bool) -> Claim:
    return Claim(
        study=STUDY,
        name=name,
        statement=f"The mislabelled share of a class reappears in the test predictions of {what}.",
        source=f"{SOURCE}, sec. 1",
        published="30 % of a class labelled as another: about 30 % of its test images answered so",
        unit="slope of test share on training share",
        holds=Range(0.8, 1.2),  # "about": 24 to 36 of the paper's 30 %
        test=partial(_slope, kernels=kernels),
    )


def _series(evidence: Evidence) -> list[Series]:
    train, test = "observed.confused_train", "observed.confused_test"
    return [
        dots(str(name), rows[train].tolist(), rows[test].tolist()) for name, rows in evidence.ledger.groupby("hp.model")
    ]


FIGURE: Final = Figure(
    x="share mislabelled in training", y="share predicted so on the test set", series=_series, diagonal=True
)


CLAIMS: Final = (
    _slope_claim("networks_repeat_the_confusion", "interpolating networks", kernels=False),
    _slope_claim("kernels_repeat_the_confusion", "interpolating kernels", kernels=True),
    Claim(
        study=STUDY,
        name="joints_are_near",
        statement="Class and label in training have nearly the joint distribution of class and prediction in test.",
        source=SOURCE,
        published="close in total variation",
        unit="total-variation distance",
        holds=Range(high=0.1),  # "close": at most a tenth of the test images would have to move
        test=_distance,
    ),
    Claim(
        study=STUDY,
        name="other_classes_are_spared",
        statement="Noise in one class does not spread to the others.",
        source=f"{SOURCE}, sec. 1",
        published="the network is wrong on that class, and right on the rest",
        unit="test accuracy lost by the other classes",
        holds=Range(high=0.02),  # two points
        test=_harm_elsewhere,
    ),
)
