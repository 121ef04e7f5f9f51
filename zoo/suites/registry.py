"""Suites by name: those of the project, of installed packages, and of a Python file that defines a STUDY."""

import functools
import importlib
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Final

import zoo.suites
from zoo.errors import SuiteError, UnknownSuiteError, suggestion
from zoo.recipe import Recipe
from zoo.suites.reading import Located, locate_recipes, place_of
from zoo.suites.study import Size, SizeName, Study

SUITE_GROUP: Final = "gapbench.suites"  # the entry points of installed packages
FILE_SUFFIX: Final = ".py"


@dataclass(frozen=True, slots=True)
class Suite:
    """A study's sets of recipes.

    Attributes:
        name: what it is called on the command line.
        summary: one line.
        words: the summary and what else its module says.
        study: sizes, measures and observations.
        module: the module that defines it.
    """

    name: str
    summary: str
    words: str
    study: Study
    module: ModuleType

    @property
    def of_user(self) -> bool:
        """Whether it comes from a file or an installed package."""
        return not self.module.__name__.startswith(f"{zoo.suites.__name__}.")

    @property
    def sizes(self) -> Mapping[SizeName, Size]:
        """By name."""
        return self.study.sizes

    def recipes(self, size: SizeName = "small") -> tuple[Recipe, ...]:
        """List the recipes of a size.

        Raises:
            UnknownSuiteError: it has no such size.
            SuiteError: see `located`.
        """
        return tuple(found.recipe for found in self.located(size))

    def located(self, size: SizeName = "small") -> tuple[Located, ...]:
        """List the recipes of a size, each with the line that makes it.

        Raises:
            UnknownSuiteError: it has no such size.
            SuiteError: it yields no recipe, two recipes of one id, something else than recipes, or raises; the message
                names the file, the line and the reason.
        """
        if size not in self.sizes:
            raise UnknownSuiteError(
                f"The suite {self.name!r} has no size {size!r}. Available: {', '.join(self.sizes)}."
            )
        return locate_recipes(self.module, size, self.sizes[size].recipes)


@functools.cache
def suites() -> dict[str, Suite]:
    """Every suite of the project, and of installed packages where it can be used, by name."""
    found = {}
    for info in pkgutil.walk_packages(zoo.suites.__path__, "zoo.suites."):
        module = importlib.import_module(info.name)
        if isinstance(getattr(module, "STUDY", None), Study):
            name = module.STUDY.name or info.name.rpartition(".")[2]
            found[name] = _suite_of(module, name)
    for point in _installed(found):
        try:
            found[point.name] = _suite_of_package(point)
        except SuiteError:
            continue  # one broken package takes no other suite down; `suite_problems` names it
    return found


def suite_problems() -> tuple[str, ...]:
    """Suites of installed packages that cannot be used, a sentence each."""
    problems = []
    for point in entry_points(group=SUITE_GROUP):
        try:
            if _suite_of_package(point).module is not suites()[point.name].module:
                problems.append(f"The suite {point.name} = {point.value} cannot be used: the name is taken.")
        except SuiteError as error:
            problems.append(str(error))
    return tuple(problems)


def suite(name: str) -> Suite:
    """Return the suite of this name, or the one that a Python file defines.

    Args:
        name: of a suite, or the path of a file that ends in .py. The file's code is run.

    Raises:
        UnknownSuiteError: there is none.
        SuiteError: the file, or the installed package that offers it, cannot be used.
    """
    if name.endswith(FILE_SUFFIX):
        return _suite_of_file(Path(name))
    known = suites()
    if name not in known:
        for point in entry_points(group=SUITE_GROUP):
            if point.name == name:
                return _suite_of_package(point)
        raise UnknownSuiteError(f"No suite is called {name!r}. {suggestion(name, known)}")
    return known[name]


def _installed(taken: Mapping[str, Suite]) -> Iterator[EntryPoint]:
    return (point for point in entry_points(group=SUITE_GROUP) if point.name not in taken)


def _suite_of(module: ModuleType, name: str) -> Suite:
    words = (module.__doc__ or "").strip()
    return Suite(name, words.splitlines()[0], words, module.STUDY, module)


def _suite_of_package(point: EntryPoint) -> Suite:
    try:
        module = importlib.import_module(point.module)
        return _checked(module, point.name, f"The suite {point.name} = {point.value} cannot be used")
    except SuiteError:
        raise
    except Exception as error:  # code of others may raise anything
        raise SuiteError(f"The suite {point.name} = {point.value} cannot be used: {error}") from error


def _suite_of_file(path: Path) -> Suite:
    """Run a file, as `python FILE` would, and return the suite that it defines."""
    if not path.is_file():
        raise UnknownSuiteError(
            f"There is no file {path}. Pass a Python file that defines a STUDY (`gapbench new NAME --suite` writes "
            "one), or the name of a suite."
        )
    module = _run_file(path.resolve())
    return _checked(module, path.stem, str(path))


def _run_file(path: Path) -> ModuleType:
    module = ModuleType(f"_gapbench_suite_{path.stem}")
    module.__file__ = str(path)
    sys.path.insert(0, str(path.parent))  # so that it may import its neighbours
    try:
        SourceFileLoader(module.__name__, str(path)).exec_module(module)
    except Exception as error:  # code of others may raise anything
        raise SuiteError(f"{place_of(error, str(path))}: {error}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _checked(module: ModuleType, name: str, where: str) -> Suite:
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        found = "there is none" if study is None else f"it is a {type(study).__name__}"
        raise SuiteError(f"{where}: it must define STUDY, a zoo.suites.study.Study; {found}.")
    if not study.sizes:
        raise SuiteError(f"{where}: STUDY must have at least one size, such as 'small'.")
    if not (module.__doc__ or "").strip():
        raise SuiteError(f"{where}: it must begin with a docstring whose first line says what the suite is.")
    return _suite_of(module, name)
