"""Where a statistic has no value: an exception with the reason, never a NaN."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

Made = TypeVar("Made")
Inputs = ParamSpec("Inputs")


class UndefinedError(Exception):
    """The statistic has no value on these networks; the message says why."""


class Reasons(dict[str, str]):
    """The reasons why statistics have no value, by the statistic's name."""

    def of(
        self, name: str, statistic: Callable[Inputs, Made], *inputs: Inputs.args, **options: Inputs.kwargs
    ) -> Made | None:
        """What the statistic returns; None where it is undefined, and then the reason is kept under the name."""
        try:
            return statistic(*inputs, **options)
        except UndefinedError as reason:
            self[name] = str(reason)
            return None


def require_contrast(target: NDArray[np.float64]) -> None:
    """Refuse networks among which there is nothing to predict.

    Raises:
        UndefinedError: fewer than two networks, or all with the same target.
    """
    if len(target) < 2:  # noqa: PLR2004  a pair
        raise UndefinedError(
            f"It compares pairs of networks; there {'is' if len(target) == 1 else 'are'} {len(target)}."
        )
    if target.min() == target.max():
        raise UndefinedError("All networks have the same target: there is nothing to predict.")


def made_or_reason(make: Callable[[], Made]) -> Made | str:
    """What is made, or the reason why it cannot be: for what many statistics share."""
    try:
        return make()
    except UndefinedError as reason:
        return str(reason)


def defined(made: Made | str) -> Made:
    """What was made.

    Raises:
        UndefinedError: it could not be; with the reason kept in its place.
    """
    if isinstance(made, str):
        raise UndefinedError(made)
    return made
