"""Read the recipes that a suite yields, each with the line of code that makes it."""

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import GeneratorType, ModuleType

from zoo.errors import SuiteError
from zoo.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Located:
    """A recipe, and where it is made.

    Attributes:
        recipe: as it was yielded.
        place: file and line in words; the position in the list where the line is not known.
    """

    recipe: Recipe
    place: str


def locate_recipes(module: ModuleType, size: str, recipes: Callable[[], Iterable[Recipe]]) -> tuple[Located, ...]:
    """List the recipes of one size of a suite, and refuse what cannot be trained as a zoo.

    Raises:
        SuiteError: no recipe, two of one id, something else than a recipe, or an exception of the suite's code.
    """
    file = module.__file__ or module.__name__
    found: dict[str, Located] = {}
    for located in _iterate(file, recipes):
        if not isinstance(located.recipe, Recipe):
            raise SuiteError(
                f"{located.place}: a suite must yield zoo.recipe.Recipe; got {type(located.recipe).__name__}."
            )
        run_id = located.recipe.run_id
        if run_id in found:
            raise SuiteError(
                f"{located.place}: this recipe is there already, from {found[run_id].place}. Two recipes of a "
                "suite must differ in at least one field, such as the seed."
            )
        found[run_id] = located
    if not found:
        raise SuiteError(f"{file}: the size {size!r} yields no recipe.")
    return tuple(found.values())


def place_of(error: BaseException, file: str) -> str:
    """Return the file, and the line in it that an exception passed last."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"{file}, line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}, line {lines[-1]}" if lines else file


def _iterate(file: str, recipes: Callable[[], Iterable[Recipe]]) -> Iterator[Located]:
    try:
        iterator = iter(recipes())
        for position, recipe in enumerate(iterator, start=1):
            line = _line_of(iterator, file)
            yield Located(recipe, f"{file}, recipe {position}" if line is None else f"{file}, line {line}")
    except SuiteError:
        raise
    except Exception as error:  # code of others may raise anything
        raise SuiteError(f"{place_of(error, file)}: {error}") from error


def _line_of(iterator: object, file: str) -> int | None:
    """Return the line at which a generator waits, in this file; of `yield from`, the innermost one there."""
    line = None
    while isinstance(iterator, GeneratorType):
        if iterator.gi_frame is not None and iterator.gi_frame.f_code.co_filename == file:
            line = iterator.gi_frame.f_lineno
        iterator = iterator.gi_yieldfrom
    return line
