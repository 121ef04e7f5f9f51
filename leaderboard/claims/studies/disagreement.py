"""Claims of Jiang et al. 2022 and Nakkiran & Bansal 2020: two networks disagree as often as one errs."""

from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range, bootstrap
from leaderboard.claims.figure import Figure, Series, dots

SOURCE: Final = "Jiang et al. 2022, arXiv:2106.13799"
STUDY: Final = "disagreement"
SIBLING: Final = 100  # a sibling's seeds equal those of its base or are this much larger
WITHIN: Final = 1.3  # the paper's figures draw y = 1.3 x next to y = x to show how close the points are
KINDS: Final = {  # which seeds differ: initialization, order, data
    (True, False, False): "initialization",
    (False, True, False): "order",
    (False, False, True): "data",
    (True, True, True): "all",
}


def pairs_of(evidence: Evidence) -> pd.DataFrame:
    """One row for each pair of siblings: kind, base, setting, disagreement on the test images, mean test error."""
    first = evidence.ledger["seed"].min()  # 0, unless a secret shifted all seeds
    ledger = evidence.ledger.assign(base=(evidence.ledger["seed"] - first) % SIBLING)
    settings = [name for name in ledger.columns if name.startswith("hp.")]
    predictions = {run: np.asarray(classes) for run, classes in evidence.arrays["test_predictions"].items()}
    rows = []
    for setting, (_, group) in enumerate(ledger.groupby([*settings, "base"], dropna=False)):
        for (_, a), (_, b) in combinations(group.iterrows(), 2):
            data = [(row["data_seed"], row["train_part"]) for row in (a, b)]
            differ = (a["init_seed"] != b["init_seed"], a["seed"] != b["seed"], data[0] != data[1])
            if differ in KINDS and any(_is_base(row, first) for row in (a, b)):
                apart = float((predictions[a["run_id"]] != predictions[b["run_id"]]).mean())
                error = 1 - (a["test_accuracy"] + b["test_accuracy"]) / 2
                rows.append((KINDS[differ], a["base"], setting, apart, error))
    return pd.DataFrame(rows, columns=["kind", "base", "setting", "disagreement", "error"])


def _is_base(row: "pd.Series[Any]", first: int) -> bool:
    """Whether a network is the one that its siblings differ from."""
    return bool(row["seed"] == row["init_seed"] == row["data_seed"] < first + SIBLING and row["train_part"] == 0)


def _ratio(evidence: Evidence, kind: str) -> Finding:
    pairs = pairs_of(evidence)

    def quotient(rows: pd.DataFrame) -> float:
        error = rows["error"].to_numpy().mean()
        return float(rows["disagreement"].to_numpy().mean() / error) if error else float("nan")

    own = pairs[pairs["kind"] == kind]
    return replace(bootstrap(own, quotient, by=["base"]), networks=2 * len(own))


def _claim(kind: str, differs: str, error: str, disagreement: str) -> Claim:
    return Claim(
        study=STUDY,
        name=f"differing_in_{kind}",
        statement=f"Two networks that differ in {differs} disagree about as often as either errs.",
        source=f"{SOURCE}, table 1",
        published=f"test error {error}, disagreement {disagreement}",
        unit="ratio of disagreement to test error",
        holds=Range(1 / WITHIN, WITHIN),
        test=partial(_ratio, kind=kind),
    )


def _series(evidence: Evidence) -> list[Series]:
    pairs = pairs_of(evidence)
    return [
        dots(f"differ in {kind}", rows["error"].tolist(), rows["disagreement"].tolist())
        for kind, rows in pairs.groupby("kind")
    ]


FIGURE: Final = Figure(x="mean test error of a pair", y="disagreement", series=_series, diagonal=True)


CLAIMS: Final = (
    _claim("all", "initialization, order and data", "33.6 %", "34.8 %"),
    _claim("data", "their training data alone", "34.1 %", "35.4 %"),
    _claim("initialization", "initialization alone", "33.7 %", "30.7 %"),
    _claim("order", "the order of the data alone", "33.5 %", "30.2 %"),
)
