"""Claims of Pezeshki et al. 2022 on double descent over epochs of a linear student."""

from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.asymptotics import SIGN_OVERLAP, TwoSpeeds
from leaderboard.claims.claim import Claim, Evidence, Finding, Range, bootstrap
from leaderboard.claims.effects import average_over_seeds
from leaderboard.claims.figure import Figure, Point, Series, line
from leaderboard.claims.synthetic import with_parameters

SOURCE: Final = "Pezeshki et al. 2022, arXiv:2112.03215"
STUDY: Final = "epochwise_descent"
RISK: Final = "observed.squared_risk"
STEPS: Final = "hp.max_epochs"
SCALE: Final = "data.scale"
PLATEAU: Final = 100  # fast features are learned and overfitted, and slow ones hardly begun
SIGNAL: Final = SIGN_OVERLAP**2
WEAK_SHARE: Final = 0.7  # of the teacher, that lies on the slow features
CURVE: Final = np.geomspace(1, 1e6, 73)


def _all(evidence: Evidence) -> pd.DataFrame:
    return with_parameters(evidence.ledger, dim=None, weak=0.0, scale=1.0)


def _rows(evidence: Evidence, *, two_speeds: bool) -> pd.DataFrame:
    ledger = _all(evidence)
    return ledger[(ledger[SCALE] < 1) == two_speeds]


def limit_of(dims: float, slow: float, size: float, scale: float, rate: float) -> TwoSpeeds:
    """Compute the limit for inputs whose entries have a mean square of one."""
    if scale == 1:
        return TwoSpeeds(
            fast=dims / size,
            slow=0.0,
            fast_variance=1.0,
            slow_variance=1.0,
            fast_teacher=SIGNAL,
            slow_teacher=0.0,
            noise=1 - SIGNAL,
            learning_rate=rate,
        )
    square = (dims - slow + slow * scale**2) / dims
    return TwoSpeeds(
        fast=(dims - slow) / size,
        slow=slow / size,
        fast_variance=1 / square,
        slow_variance=scale**2 / square,
        fast_teacher=(1 - WEAK_SHARE) * SIGNAL,
        slow_teacher=WEAK_SHARE * SIGNAL,
        noise=1 - SIGNAL,
        learning_rate=rate,
    )


def _ascent(evidence: Evidence) -> Finding:
    """Compute, for each seed, the risk at the plateau divided by the least before it."""

    def rise(rows: pd.DataFrame) -> float:
        risks = rows.groupby(STEPS)[RISK].mean()
        return float(risks[PLATEAU] / risks[risks.index < PLATEAU].min())

    return average_over_seeds(_rows(evidence, two_speeds=True), rise)


def _second_descent(evidence: Evidence) -> Finding:
    """Compute, for each seed, the risk at the end divided by that at the plateau."""

    def fall(rows: pd.DataFrame) -> float:
        risks = rows.groupby(STEPS)[RISK].mean()
        return float(risks.iloc[-1] / risks[PLATEAU])

    return average_over_seeds(_rows(evidence, two_speeds=True), fall)


def _end_of_one_speed(evidence: Evidence) -> Finding:
    """Compute, for each seed, the risk at the end divided by the largest from the plateau on, with one speed."""

    def fall(rows: pd.DataFrame) -> float:
        risks = rows.groupby(STEPS)[RISK].mean()
        return float(risks.iloc[-1] / risks[risks.index >= PLATEAU].max())

    return average_over_seeds(_rows(evidence, two_speeds=False), fall)


KEYS: Final = ["data.dim", "data.weak", "hp.train_size", SCALE, "hp.learning_rate"]


def _deviation(evidence: Evidence) -> Finding:
    """Compute the mean relative deviation of the risk, averaged over seeds, from its limit."""

    def deviation(rows: pd.DataFrame) -> float:
        means = rows.groupby([*KEYS, STEPS])[RISK].mean()
        frame = means.index.to_frame().astype(float)
        limits = [limit_of(*key[:-1]).risk(key[-1]) for key in frame.itertuples(index=False, name=None)]
        return float(np.abs(means.to_numpy() / np.array(limits) - 1).mean())

    return bootstrap(_all(evidence), deviation, by=["seed"])


def _series(evidence: Evidence) -> list[Series]:
    found = []
    for two_speeds, name in ((True, "two speeds"), (False, "one speed")):
        rows = _rows(evidence, two_speeds=two_speeds)
        dims, slow, size, scale, rate = rows[KEYS].iloc[0].astype(float)
        limit = limit_of(dims, slow, size, scale, rate)
        risks = [(steps, limit.risk(steps)) for steps in CURVE.tolist()]
        found.append(line(f"features of {name}", rows, STEPS, RISK))
        found.append(Series(f"theory, {name}", [Point(at, risk, risk, risk) for at, risk in risks], marked=False))
    return found


FIGURE: Final = Figure(x="steps of gradient descent", y="mean squared error on test examples", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="fast_features_are_overfitted",
        statement="After its first fall the error rises, while fast features are overfitted.",
        source=SOURCE,
        published="the error rises between two descents",
        unit="risk after 100 steps divided by the least before",
        holds=Range(low=1.1),
        test=_ascent,
    ),
    Claim(
        study=STUDY,
        name="descends_again",
        statement="It falls a second time, when slow features are learned.",
        source=SOURCE,
        published="a second descent",
        unit="risk at the end divided by that after 100 steps",
        holds=Range(high=0.9),
        test=_second_descent,
    ),
    Claim(
        study=STUDY,
        name="one_speed_descends_once",
        statement="With features of one speed there is no second descent.",
        source=SOURCE,
        published="the second descent needs features of different scales",
        unit="risk at the end divided by the largest from 100 steps on",
        holds=Range(low=0.95),
        test=_end_of_one_speed,
    ),
    Claim(
        study=STUDY,
        name="follows_the_formula",
        statement="The error follows the limit of many features of two speeds.",
        source=SOURCE,
        published="an analytical curve; here from the law of Marchenko and Pastur, with speeds far apart",
        unit="mean relative deviation",
        holds=Range(high=0.1),
        test=_deviation,
    ),
)
