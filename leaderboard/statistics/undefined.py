"""Where a statistic has no value: an exception with the reason, never a NaN."""

import numpy as np
from numpy.typing import NDArray


class Undefined(Exception):  # noqa: N818  an outcome, not an error of the program
    """The statistic has no value on these networks; the message says why."""


def require_contrast(target: NDArray[np.float64]) -> None:
    """Refuse networks among which there is nothing to predict.

    Raises:
        Undefined: fewer than two networks, or all with the same target.
    """
    if len(target) < 2:  # noqa: PLR2004  a pair
        raise Undefined(f"It compares pairs of networks; there {'is' if len(target) == 1 else 'are'} {len(target)}.")
    if target.min() == target.max():
        raise Undefined("All networks have the same target: there is nothing to predict.")
