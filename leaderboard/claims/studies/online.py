"""Claims of Vyas et al. 2023 on the noise of SGD in one pass over fresh data."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Vyas et al. 2023, arXiv:2306.08590, abstract"
STUDY: Final = "online"


def _regime(evidence: Evidence, *, online: bool) -> pd.DataFrame:
    ledger = evidence.ledger[evidence.ledger["stopped"] != "diverged"]
    return ledger[(ledger["hp.max_epochs"] == 1) == online]


def _noise(evidence: Evidence, *, online: bool) -> Finding:
    """Compute the test accuracy with the smallest batches minus that with the largest."""
    own = _regime(evidence, online=online)
    sizes = own["hp.batch_size"]
    return contrast(where(own, batch_size=sizes.min()), where(own, batch_size=sizes.max()), "test_accuracy")


def _online(evidence: Evidence) -> Finding:
    return _noise(evidence, online=True)


def _offline(evidence: Evidence) -> Finding:
    return _noise(evidence, online=False)


def _series(evidence: Evidence) -> list[Series]:
    names = {True: "one pass, as many steps", False: "many epochs"}
    return [
        line(name, _regime(evidence, online=online), "hp.batch_size", "test_accuracy") for online, name in names.items()
    ]


FIGURE: Final = Figure(x="examples a step", y="test accuracy", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="noise_is_of_no_use_online",
        statement="In one pass, as many steps of small batches do not generalize better than those of large ones.",
        source=SOURCE,
        published="small batch size does not confer any implicit bias advantages in online learning",
        unit="test accuracy, smallest minus largest batch",
        holds=Range(high=0),
        test=_online,
    ),
    Claim(
        study=STUDY,
        name="noise_is_of_use_offline",
        statement="Over many epochs on one training set small batches generalize better than large ones.",
        source=SOURCE,
        published="in contrast to offline learning, where prior works ascribe success to SGD noise",
        unit="test accuracy, smallest minus largest batch",
        holds=Range(low=0),
        test=_offline,
    ),
)
