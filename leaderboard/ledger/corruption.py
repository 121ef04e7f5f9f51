"""Corruption of a ledger's networks: which of them were trained on random labels."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CORRUPTION: Final = "hp.corruption"
SHARE: Final = "hp.corruption_p"  # of the labels that are replaced, in ledgers that keep it apart
TRUE: Final = "true_labels"
RANDOM: Final = ("random_labels", "partial_labels 1")  # the second replaces every label, so it is the first
SHIFT: Final = ", "  # between the labels and a corruption of the images


def trained_on_random_labels(ledger: pd.DataFrame) -> NDArray[np.bool_]:
    """Find the networks [n] whose labels were all replaced: `random_labels`, or corrupted labels with a share of 1."""
    if CORRUPTION not in ledger:
        return np.zeros(len(ledger), dtype=np.bool_)
    words = ledger[CORRUPTION].astype(str).str.replace(f"{SHIFT}.*", "", regex=True)
    found = words.isin(RANDOM).to_numpy(dtype=np.bool_)
    if SHARE in ledger:
        share = pd.to_numeric(ledger[SHARE], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        found = found | (words.str.contains("label").to_numpy(dtype=np.bool_) & (share == 1))
    return found


def columns_apart(ledger: pd.DataFrame, within: str | None) -> tuple[str, ...]:
    """Name the hyperparameters whose psi is no part of Psi: that of the strata, and the share of corrupted labels."""
    if within is None:
        return ()
    columns = (CORRUPTION, SHARE) if within == CORRUPTION else (within,)
    return tuple(column for column in columns if column in ledger and len(ledger[column].unique()) > 1)
