"""Suites by name: every module beside this one that defines `recipes`."""

import difflib
import functools
import importlib
import pkgutil
from dataclasses import dataclass

import zoo.suites
from zoo.recipe import Recipe


class UnknownSuite(LookupError):  # noqa: N818  reads as what it is
    """No suite has this name; the message suggests those that come near."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A study's set of recipes.

    Attributes:
        name: what it is called on the command line.
        summary: one line.
        recipes: what it trains.
    """

    name: str
    summary: str
    recipes: tuple[Recipe, ...]


@functools.cache
def suites() -> dict[str, Suite]:
    """Every suite in the box, by name."""
    found = {}
    for info in pkgutil.iter_modules(zoo.suites.__path__):
        module = importlib.import_module(f"zoo.suites.{info.name}")
        if hasattr(module, "recipes"):
            summary = (module.__doc__ or "").strip().splitlines()[0]
            found[info.name] = Suite(info.name, summary, tuple(module.recipes()))
    return found


def suite(name: str) -> Suite:
    """The suite of this name.

    Raises:
        UnknownSuite: there is none.
    """
    known = suites()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"Did you mean: {', '.join(near)}?" if near else f"Available: {', '.join(known)}."
        raise UnknownSuite(f"No suite is called {name!r}. {hint}")
    return known[name]
