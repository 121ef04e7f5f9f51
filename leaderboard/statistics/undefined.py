"""Undefined statistics: an exception with the reason instead of NaN."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

Made = TypeVar("Made")
Inputs = ParamSpec("Inputs")


class UndefinedError(Exception):
    """The statistic is undefined on these networks; the message says why."""


class Reasons(dict[str, str]):
    """Reasons why statistics are undefined, by the statistic's name."""

    def of(
        self, name: str, statistic: Callable[Inputs, Made], *inputs: Inputs.args, **options: Inputs.kwargs
    ) -> Made | None:
        """Compute a statistic; None if it is undefined, with the reason stored under the name."""
        try:
            return statistic(*inputs, **options)
        except UndefinedError as reason:
            self[name] = str(reason)
            return None


def require_contrast(target: NDArray[np.float64]) -> None:
    """Raise if there is nothing to predict among the networks.

    Raises:
        UndefinedError: fewer than two networks, or all with the same target.
    """
    if len(target) < 2:  # noqa: PLR2004  a pair
        raise UndefinedError(
            f"It compares pairs of networks; there {'is' if len(target) == 1 else 'are'} {len(target)}."
        )
    if target.min() == target.max():
        raise UndefinedError("All networks have the same target: there is nothing to predict.")


def value_or_reason(make: Callable[[], Made]) -> Made | str:
    """Make a value that many statistics share, or return the reason why it is undefined."""
    try:
        return make()
    except UndefinedError as reason:
        return str(reason)


def defined(made: Made | str) -> Made:
    """Return a value from `value_or_reason`.

    Raises:
        UndefinedError: it is undefined, for this reason.
    """
    if isinstance(made, str):
        raise UndefinedError(made)
    return made
