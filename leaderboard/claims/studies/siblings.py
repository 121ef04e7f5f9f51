"""Claims of Movva, Carbin & Frankle 2021 on the overlap of pruning masks."""

from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Movva, Carbin & Frankle 2021, arXiv:2104.14753"
STUDY: Final = "siblings"


def overlaps_of(evidence: Evidence) -> pd.DataFrame:
    """One row for each pair: data seed, shared epochs, overlap over chance.

    The overlap is the number of weights that survive in both over that in either; of random masks of these sizes it
    would be ab / (a + b - ab), for shares a and b that survive.
    """
    removed = {run: np.asarray(mask, dtype=bool) for run, mask in evidence.arrays["pruned_weights"].items()}
    rows = []
    for (seed, shared), group in evidence.ledger.groupby(["data_seed", "observed.shared_epochs"]):
        if len(group) == 2:  # noqa: PLR2004  a pair
            first, second = (~removed[run] for run in group["run_id"])
            a, b = first.mean(), second.mean()
            overlap = (first & second).sum() / (first | second).sum()
            rows.append((seed, shared, float(overlap / (a * b / (a + b - a * b)))))
    return pd.DataFrame(rows, columns=["seed", "shared", "over_chance"])


def _apart(evidence: Evidence) -> Finding:
    pairs = overlaps_of(evidence)
    return average_over_seeds(pairs[pairs["shared"] == 0], lambda rows: float(rows["over_chance"].mean()))


def _shared(evidence: Evidence) -> Finding:
    pairs = overlaps_of(evidence)

    def rise(rows: pd.DataFrame) -> float:
        most = rows["shared"] == pairs["shared"].max()
        none = rows["shared"] == 0
        return float(rows.loc[most, "over_chance"].mean() - rows.loc[none, "over_chance"].mean())

    return average_over_seeds(pairs, rise)


def _series(evidence: Evidence) -> list[Series]:
    return [line("pairs of siblings", overlaps_of(evidence), "shared", "over_chance")]


FIGURE: Final = Figure(x="epochs that siblings share", y="overlap of their masks over chance", series=_series)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="masks_overlap_by_chance",
        statement="Masks of siblings that share no epoch overlap not much more than random ones.",
        source=f"{SOURCE}, abstract",
        published="the siblings' pruning masks are naively not much more similar than chance",
        unit="overlap over that of random masks",
        holds=Range(high=1.5),  # "not much more": at most half as much again
        test=_apart,
    ),
    Claim(
        study=STUDY,
        name="shared_epochs_raise_the_overlap",
        statement="Masks of siblings that share their first epochs overlap more.",
        source=f"{SOURCE}, abstract",
        published="a few epochs of shared pretraining significantly increase pruning overlap",
        unit="overlap over that of random masks, most shared epochs minus none",
        holds=Range(low=0),
        test=_shared,
    ),
)
