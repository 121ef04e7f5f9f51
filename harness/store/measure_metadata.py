"""Metadata of measures, as a ledger stores it and the leaderboard shows it; needs no torch."""

from collections.abc import Collection
from inspect import cleandoc
from typing import Final, Literal, TypedDict, get_args

Track = Literal["weights only", "training data", "second run", "unlabeled inputs", "trajectory", "retraining"]
TRACKS: Final[tuple[Track, ...]] = get_args(Track)  # each sees at least what no earlier one may use


class Metadata(TypedDict):
    """Metadata of one measure: what its declaration and its docstring say."""

    family: str
    expected_sign: int
    source: str
    needs: list[str]
    price: str  # cost in words; a row of the ranking has its seconds under "cost"
    version: int
    track: Track
    source_hash: str  # of the code of a plug-in; empty for the catalogue
    summary: str
    definition: str


def track_of(needs: Collection[str], *, weights_only: bool) -> Track:
    """Return the track of a measure: the last of `TRACKS` that one of its needs belongs to.

    Weights before training count as weights, since every run has them.
    """
    if "refit" in needs:
        return "retraining"
    if "trajectory" in needs:
        return "trajectory"
    if "unlabeled" in needs:
        return "unlabeled inputs"
    if "twin" in needs:
        return "second run"
    return "weights only" if weights_only else "training data"


def make_metadata(
    *,
    family: str,
    expected_sign: int,
    source: str,
    needs: Collection[str],
    cost: str,
    version: int,
    weights_only: bool,
    docstring: str,
    source_hash: str = "",
) -> Metadata:
    """Return the metadata of one measure as plain values, from what `measures.measure` takes and the docstring."""
    return {
        "family": family,
        "expected_sign": expected_sign,
        "source": source,
        "needs": sorted(needs),
        "price": cost,
        "version": version,
        "track": track_of(needs, weights_only=weights_only),
        "source_hash": source_hash,
        "summary": docstring.strip().split("\n\n")[0],
        "definition": cleandoc(docstring),
    }
