"""Claims of Wang, Oh & Rhee 2021 on clipped SGD with heavy-tailed noise."""

from functools import partial
from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import contrast, ratio
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Wang, Oh & Rhee 2021, arXiv:2102.04297"
STUDY: Final = "truncated_sgd"


def _first_phase(evidence: Evidence, *, heavy: bool, clipped: bool) -> pd.DataFrame:
    """Select the networks with such a first phase, leaving out those that diverged."""
    ledger = evidence.ledger[evidence.ledger["stopped"] != "diverged"]
    noisy, short = ledger["observed.source_noise"] > 0, ledger["observed.source_is_clipped"] > 0
    return ledger[(noisy == heavy) & (short == clipped)]


def _sharpness(evidence: Evidence, measure: str) -> Finding:
    truncated = _first_phase(evidence, heavy=True, clipped=True)
    return ratio(truncated, _first_phase(evidence, heavy=False, clipped=False), f"measure.{measure}")


def _accuracy(evidence: Evidence) -> Finding:
    truncated = _first_phase(evidence, heavy=True, clipped=True)
    return contrast(truncated, _first_phase(evidence, heavy=False, clipped=False), "test_accuracy")


def _against_unclipped(evidence: Evidence) -> Finding:
    truncated = _first_phase(evidence, heavy=True, clipped=True)
    return contrast(truncated, _first_phase(evidence, heavy=True, clipped=False), "test_accuracy")


def _flatter(measure: str, what: str) -> Claim:
    return Claim(
        study=STUDY,
        name=f"it_finds_smaller_{measure}",
        statement=f"SGD with clipped heavy-tailed noise ends at minima with a smaller {what} than SGD.",
        source=f"{SOURCE}, abstract",
        published="finds flatter local minima",
        unit="ratio to SGD",
        holds=Range(high=1),
        test=partial(_sharpness, measure=measure),
    )


def _series(evidence: Evidence) -> list[Series]:
    found = []
    for clipped, what in ((False, "not clipped"), (True, "clipped")):
        sides = [(_first_phase(evidence, heavy=heavy, clipped=clipped), heavy) for heavy in (False, True)]
        frame = pd.concat([rows.assign(noise="heavy-tailed noise" if heavy else "none") for rows, heavy in sides])
        found.append(line(what, frame, "noise", "measure.avg_sharpness"))
    return found


FIGURE: Final = Figure(
    x="noise of the first phase", y="average sharpness", series=_series, categories=("none", "heavy-tailed noise")
)


CLAIMS: Final = (
    _flatter("avg_sharpness", "expected sharpness"),
    _flatter("hess_trace", "trace of the Hessian"),
    Claim(
        study=STUDY,
        name="it_generalizes_better",
        statement="It generalizes better than SGD.",
        source=f"{SOURCE}, abstract",
        published="achieves better generalization",
        unit="test accuracy",
        holds=Range(low=0),
        test=_accuracy,
    ),
    Claim(
        study=STUDY,
        name="clipping_is_needed",
        statement="Heavy-tailed noise without clipping generalizes worse than with it.",
        source=SOURCE,
        published="injecting heavy-tailed noise and truncating it: both",
        unit="test accuracy, clipped minus unclipped",
        holds=Range(low=0),
        test=_against_unclipped,
    ),
)
