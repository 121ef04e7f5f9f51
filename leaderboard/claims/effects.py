"""Building blocks of claims: select networks, compute an effect for each seed, average over seeds."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import spearmanr

from leaderboard.claims.claim import Finding, bootstrap

PARTIAL: Final = "partial_labels "  # is followed by its level in hp.corruption
PLUS: Final = " + "


def where(ledger: pd.DataFrame, **hyperparameters: Hashable) -> pd.DataFrame:
    """Select the networks whose hyperparameters have these values; None selects missing values."""
    for name, value in hyperparameters.items():
        column = ledger[f"hp.{name}"]
        ledger = ledger[column.isna() if value is None else column == value]
    return ledger


def average_over_seeds(frame: pd.DataFrame, effect: Callable[[pd.DataFrame], float], *, by: str = "seed") -> Finding:
    """Compute an effect for each seed, and average over seeds with a bootstrap interval.

    Seeds for which the effect is NaN are left out.
    """
    values = [(seed, effect(rows)) for seed, rows in frame.groupby(by)]
    table = pd.DataFrame(values, columns=["seed", "value"]).dropna()
    finding = bootstrap(table, lambda rows: float(rows["value"].to_numpy().mean()), by=["seed"])
    return replace(finding, networks=len(frame))


def contrast(first: pd.DataFrame, second: pd.DataFrame, column: str) -> Finding:
    """Compute the mean of a column over the first networks minus that over the second, for each seed."""
    both = pd.concat([first.assign(side=1), second.assign(side=0)])

    def difference(rows: pd.DataFrame) -> float:
        return float(rows.loc[rows["side"] == 1, column].mean() - rows.loc[rows["side"] == 0, column].mean())

    return average_over_seeds(both, difference)


def ratio(first: pd.DataFrame, second: pd.DataFrame, column: str) -> Finding:
    """Compute the mean of a column over the first networks divided by that over the second, for each seed."""
    both = pd.concat([first.assign(side=1), second.assign(side=0)])

    def quotient(rows: pd.DataFrame) -> float:
        below = rows.loc[rows["side"] == 0, column].mean()
        return float(rows.loc[rows["side"] == 1, column].mean() / below) if below else float("nan")

    return average_over_seeds(both, quotient)


def chosen_on_other_seeds(frame: pd.DataFrame, level: str, value: str) -> pd.DataFrame:
    """Select, for each seed, the networks at the level whose mean value is highest over the other seeds.

    The highest of several noisy means is biased upwards, so no seed chooses for itself; a single seed has no others.
    """
    kept = []
    for seed, rows in frame.groupby("seed"):
        means = frame[frame["seed"] != seed].groupby(level)[value].mean()
        if means.notna().any():
            kept.append(rows[rows[level] == means.idxmax()])
    return pd.concat(kept) if kept else frame[:0]


def accuracy_under_shift(ledger: pd.DataFrame) -> "pd.Series[float]":
    """Compute the accuracy of each network under the common corruptions of `error_under_shift`, averaged over them."""
    errors = [name for name in ledger.columns if name.startswith("observed.error_")]
    return 1 - ledger[errors].mean(axis=1)


def combinations_of(words: Sequence[str]) -> list[str]:
    """Every combination of the words as `combined` writes it, smaller ones first."""
    chosen = (own for count in range(len(words) + 1) for own in combinations(words, count))
    return [PLUS.join(own) or "none" for own in chosen]


def combined(switches: Mapping[str, "pd.Series[bool]"]) -> "pd.Series[str]":
    """Name, for each network, what is switched on: "aug + decay", or "none"."""
    table = pd.DataFrame(dict(switches))
    return table.apply(lambda row: PLUS.join(table.columns[row.to_numpy(dtype=bool)]) or "none", axis=1)


def noise_level(ledger: pd.DataFrame) -> "pd.Series[float]":
    """Return the probability with which the labels of each network are replaced: 0 for true labels, 1 for random ones.

    NaN for other corruptions.
    """
    levels: Mapping[str, float] = {"true_labels": 0.0, "random_labels": 1.0}

    def level(name: str) -> float:
        return float(name.removeprefix(PARTIAL)) if name.startswith(PARTIAL) else levels.get(name, np.nan)

    return ledger["hp.corruption"].map(level).astype(float)


def rank_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Compute Spearman's correlation; NaN if a side is constant or there are fewer than three points."""
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:  # noqa: PLR2004  two points are always in order
        return float("nan")
    return float(spearmanr(a, b).statistic)


def mean_or_nan(values: ArrayLike) -> float:
    """Compute the mean; NaN if there are no values."""
    own = np.asarray(values, dtype=float)
    return float(own.mean()) if own.size else float("nan")
