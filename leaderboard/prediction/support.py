"""Support of a reference zoo: in which hyperparameters a network lies outside what the reference holds."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.ledger.read import names_of

ROUNDING: Final = 1e-9
SHOWN: Final = 6  # values or names in a sentence


@dataclass(frozen=True, slots=True)
class Difference:
    """In what a network lies outside the reference: a hyperparameter or property, and a sentence with both values."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What sets networks apart from those of a reference.

    Attributes:
        common: sentences that hold for every network.
        own: for each network [n], the differences that are its and not those of every one.
    """

    common: tuple[str, ...]
    own: tuple[tuple[Difference, ...], ...]


def compare_support(reference: pd.DataFrame, networks: pd.DataFrame) -> Support:
    """Compare networks with those of a reference: hyperparameters, training accuracy, and whether they converged.

    A number is inside from the reference's smallest to its largest value; text must occur in the reference.
    """
    found: list[list[Difference]] = [[] for _ in range(len(networks))]
    ours, theirs = set(names_of(networks, "hp")), set(names_of(reference, "hp"))
    for column in (*sorted(ours & theirs), "train_accuracy"):
        if column in networks and column in reference:
            for place, sentence in _outside(reference[column], networks[column]).items():
                found[place].append(Difference(column.removeprefix("hp."), sentence))
    if "converged" in networks:
        for place in np.flatnonzero(~networks["converged"].to_numpy(dtype=np.bool_)).tolist():
            found[place].append(Difference("converged", "it did not converge"))
    shared = [one for one in found[0] if all(one in each for each in found)] if len(found) > 1 else []
    common = [one.sentence for one in shared]
    if apart := sorted(name.removeprefix("hp.") for name in ours ^ theirs):
        more = f" and {len(apart) - SHOWN} more" if len(apart) > SHOWN else ""
        common.append(f"not compared, since only one of the two tables says it: {', '.join(apart[:SHOWN])}{more}")
    own = tuple(tuple(one for one in each if one not in shared) for each in found)
    return Support(common=tuple(common), own=own)


def _outside(known: "pd.Series[float]", values: "pd.Series[float]") -> dict[int, str]:
    """Return a sentence for each network whose value the reference does not cover, by its place."""
    name = str(values.name).removeprefix("hp.")
    numeric = all(pd.api.types.is_numeric_dtype(each) and each.dtype.kind != "b" for each in (known, values))
    if numeric and known.notna().any():
        low, high = float(known.min()), float(known.max())
        slack = ROUNDING * max(abs(low), abs(high))
        span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return {
            place: f"{name} is {value:g}, in the reference {span}"
            for place, value in enumerate(values)
            if not pd.isna(value) and not low - slack <= value <= high + slack
        }
    words = [str(value) for value in known.drop_duplicates() if not pd.isna(value)]
    seen = ", ".join(words[:SHOWN]) + (", ..." if len(words) > SHOWN else "")
    return {
        place: f"{name} is {value}, in the reference {seen or 'empty'}"
        for place, value in enumerate(values)
        if not pd.isna(value) and str(value) not in words
    }
