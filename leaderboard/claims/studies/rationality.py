"""Claims of Bansal, Kaplun & Barak 2021: the gap is bounded by robustness, rationality and memorization gaps."""

from functools import partial
from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds
from leaderboard.claims.figure import Figure, Point, Series

SOURCE: Final = "Bansal, Kaplun & Barak 2021, arXiv:2010.08508"
STUDY: Final = "rationality"
GAPS: Final = ("gap", "robustness", "memorization", "rationality")


def gaps_of(evidence: Evidence) -> pd.DataFrame:
    """One row for each pair of a clean and a noisy network: seed, whether only its head was trained, gap and parts."""
    ledger = evidence.ledger.assign(head=evidence.ledger["hp.source"].notna())
    clean = ledger[ledger["hp.corruption"] == "true_labels"].set_index(["seed", "head"])
    noisy = ledger[ledger["hp.corruption"] != "true_labels"].set_index(["seed", "head"])
    train, test = clean["train_accuracy"], clean["test_accuracy"]
    under, undone = noisy["observed.train_under_noise"], noisy["observed.wrong_labels_undone"]
    parts = {
        "gap": train - test,
        "robustness": (train - under).clip(lower=0),
        "memorization": (under - undone).clip(lower=0),
        "rationality": (undone - test).clip(lower=0),
    }
    return pd.DataFrame(parts).dropna().reset_index()


def _slack(evidence: Evidence) -> Finding:
    """Compute, for each seed, the smallest excess of the sum of the three gaps over the generalization gap."""

    def slack(rows: pd.DataFrame) -> float:
        bound = rows["robustness"] + rows["memorization"] + rows["rationality"]
        return float((bound - rows["gap"]).min())

    return average_over_seeds(gaps_of(evidence), slack)


def _of_heads(evidence: Evidence, name: str) -> Finding:
    gaps = gaps_of(evidence)
    return average_over_seeds(gaps[gaps["head"]], lambda rows: float(rows[name].mean()))


def _memorization_saved(evidence: Evidence) -> Finding:
    """Compare the memorization gap of whole networks with that of heads."""

    def saved(rows: pd.DataFrame) -> float:
        return float(rows.loc[~rows["head"], "memorization"].mean() - rows.loc[rows["head"], "memorization"].mean())

    return average_over_seeds(gaps_of(evidence), saved)


def _series(evidence: Evidence) -> list[Series]:
    gaps = gaps_of(evidence)
    found = []
    for head, what in ((True, "head on a representation"), (False, "whole network")):
        rows = gaps[gaps["head"] == head]
        if not rows.empty:
            values = [(name, rows[name]) for name in GAPS]
            points = [Point(name, float(v.mean()), float(v.min()), float(v.max())) for name, v in values]
            found.append(Series(what, points, joined=False))
    return found


FIGURE: Final = Figure(x="gap", y="difference of accuracies", series=_series, categories=GAPS)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="three_gaps_bound_the_gap",
        statement="The generalization gap is at most the sum of robustness, rationality and memorization gaps.",
        source=f"{SOURCE}, sec. 2.1",
        published="always: the sum telescopes",
        unit="excess of the sum over the gap, smallest of each seed",
        holds=Range(low=-1e-9),  # rounding
        test=_slack,
    ),
    Claim(
        study=STUDY,
        name="heads_are_robust",
        statement="A simple classifier on a representation loses little training accuracy to noisy labels.",
        source=f"{SOURCE}, sec. 2",
        published="a robustness gap of at most the noise level, 5 %",
        unit="robustness gap of heads",
        holds=Range(high=0.05),  # theirs
        test=partial(_of_heads, name="robustness"),
    ),
    Claim(
        study=STUDY,
        name="heads_are_rational",
        statement="On wrongly labelled examples it does no better than on the test set: the rationality gap is small.",
        source=f"{SOURCE}, sec. 2",
        published="small, often zero",
        unit="rationality gap of heads",
        holds=Range(high=0.05),  # small: no more than the robustness gap may be
        test=partial(_of_heads, name="rationality"),
    ),
    Claim(
        study=STUDY,
        name="heads_memorize_less",
        statement="It memorizes less than a network trained end to end.",
        source=f"{SOURCE}, sec. 2",
        published="a small memorization gap for simple classifiers, a large one end to end",
        unit="memorization gap, whole networks minus heads",
        holds=Range(low=0),
        test=_memorization_saved,
    ),
)
