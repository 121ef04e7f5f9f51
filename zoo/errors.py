"""Exceptions that a user of `zoo` can cause, all derived from `ZooError`."""

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """Base class of everything that a user of this package can do wrong; the message says what to do."""


class RecipeError(ZooError, ValueError):
    """A choice of a recipe is impossible, contradicts another one, or does not fit the data; the message names it."""


class SolverError(RecipeError):
    """A solver did not reach a solution, or there is none; the message says which solver and how far it came."""


class UnknownModelError(ZooError, LookupError):
    """Neither a family nor a timm model has this name; the message suggests similar names."""


class DatasetError(ZooError, ValueError):
    """A data set cannot be used; the message names the file, the row or column, and what to do."""


class UnknownDatasetError(DatasetError):
    """No data set has this name; the message suggests similar names."""


class UnknownSuiteError(ZooError, LookupError):
    """No suite has this name or size; the message suggests similar names."""


class SuiteError(ZooError, ValueError):
    """A suite of a file or package cannot be used; the message names the file, the line and the reason."""


class UnknownObservationError(ZooError, LookupError):
    """No observation has this name; the message suggests similar names."""


class EngineError(ZooError, RuntimeError):
    """The training engine that was asked for cannot be used: not on this device, or not for these networks."""


def suggestion(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """The sentence that follows an unknown name: similar names, else `otherwise`, by default all known names."""
    names = list(known)
    similar = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if similar:
        return f"Did you mean: {', '.join(similar)}?"
    return f"Available: {', '.join(names)}." if otherwise is None else otherwise
