"""Exceptions that a user of `measures` can cause, all derived from `MeasuresError`."""

import difflib
from collections.abc import Iterable


class MeasuresError(Exception):
    """Base class of everything that a user of this package can do wrong; the message says what to do."""


class UnknownMeasureError(MeasuresError, LookupError):
    """No measure has this name; the message suggests similar names."""


class MeasureDefinitionError(MeasuresError, ValueError):
    """A measure is declared wrongly, or a file defines no usable measure."""


class InvalidSubjectError(MeasuresError, ValueError):
    """The network or its data cannot be scored at all, or do not fit together."""


class UnsupportedModelError(MeasuresError):
    """The measure is undefined for this network; the message says why."""


class NonFiniteScoreError(MeasuresError, ValueError):
    """A measure returned NaN or infinity."""


class NotANumberError(MeasuresError, TypeError):
    """A measure returned something other than one number."""


class UndeclaredNeedError(MeasuresError):
    """A measure uses something that its `needs` do not declare."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The sentence that follows an unknown name: similar names, or all known ones if none is similar."""
    names = sorted(known)
    similar = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"Did you mean: {', '.join(similar)}?" if similar else f"Available: {', '.join(names)}."
