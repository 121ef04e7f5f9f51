"""Tracks: measures apart by what they must see, since who sees more may predict better."""

from typing import Final, Literal, get_args

from measures.api import Measure

Track = Literal["weights only", "training data", "second run", "unlabeled inputs", "trajectory", "retraining"]

TRACKS: Final[tuple[Track, ...]] = get_args(Track)  # each sees at least what no earlier one may ask for


def track_of(measure: Measure) -> Track:
    """The track of a measure: the last in the list that a need of it puts it into.

    Weights before training count as weights, since every run has them.
    """
    if "refit" in measure.needs:
        return "retraining"
    if "trajectory" in measure.needs:
        return "trajectory"
    if "unlabeled" in measure.needs:
        return "unlabeled inputs"
    if "twin" in measure.needs:
        return "second run"
    return "weights only" if measure.weights_only else "training data"
