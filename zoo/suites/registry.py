"""Suites by name: every module beside this one that defines a STUDY."""

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass

import zoo.suites
from zoo.errors import UnknownSuiteError, suggestion
from zoo.recipe import Recipe
from zoo.suites.study import Size, SizeName, Study


@dataclass(frozen=True, slots=True)
class Suite:
    """A study's sets of recipes.

    Attributes:
        name: what it is called on the command line.
        summary: one line.
        words: the summary and what else its module says.
        study: sizes, measures and observations.
    """

    name: str
    summary: str
    words: str
    study: Study

    @property
    def sizes(self) -> Mapping[SizeName, Size]:
        """By name."""
        return self.study.sizes

    def recipes(self, size: SizeName = "small") -> tuple[Recipe, ...]:
        """List the recipes of a size.

        Raises:
            UnknownSuiteError: it has no such size.
        """
        if size not in self.sizes:
            raise UnknownSuiteError(
                f"The suite {self.name!r} has no size {size!r}. Available: {', '.join(self.sizes)}."
            )
        return tuple(self.sizes[size].recipes())


@functools.cache
def suites() -> dict[str, Suite]:
    """Every suite in the box, by name."""
    found = {}
    for info in pkgutil.walk_packages(zoo.suites.__path__, "zoo.suites."):
        module = importlib.import_module(info.name)
        name = info.name.rpartition(".")[2]
        if isinstance(study := getattr(module, "STUDY", None), Study):
            words = (module.__doc__ or "").strip()
            found[name] = Suite(name, words.splitlines()[0], words, study)
    return found


def suite(name: str) -> Suite:
    """The suite of this name.

    Raises:
        UnknownSuiteError: there is none.
    """
    known = suites()
    if name not in known:
        raise UnknownSuiteError(f"No suite is called {name!r}. {suggestion(name, known)}")
    return known[name]
