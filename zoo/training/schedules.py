"""The learning rate over the epochs of a run."""

import math
from typing import Final

from zoo.recipe_fields import Schedule

STEP_FACTOR: Final = 0.1  # at 3/7 and 5/7 of the epochs: 150 and 250 of 350, as in Liu et al. 2020
STEP_PLACES: Final = (3 / 7, 5 / 7)
EPOCH_FACTOR: Final = 0.95  # an epoch, as in Zhang et al. 2017


def factor(schedule: Schedule, epoch: int, max_epochs: int) -> float:
    r"""Factor of the learning rate in an epoch, counted from 0 to max_epochs - 1.

    "constant": 1. "linear": 1 - t with t = epoch / max_epochs. "cosine": (1 + cos pi t) / 2. "step": 1, and a tenth of
    it from t = 3/7 and from t = 5/7 on. "exponential": 0.95^epoch.
    """
    t = epoch / max_epochs
    match schedule:
        case "constant":
            return 1.0
        case "linear":
            return 1 - t
        case "cosine":
            return (1 + math.cos(math.pi * t)) / 2
        case "step":
            return STEP_FACTOR ** sum(t >= place for place in STEP_PLACES)
        case "exponential":
            return float(EPOCH_FACTOR**epoch)
