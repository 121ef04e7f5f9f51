"""Check the types of a recipe's fields."""

import builtins
import functools
import math
import types
import typing
from typing import TYPE_CHECKING, Any, Final, cast, get_args, get_origin, get_type_hints

from zoo.errors import RecipeError

if TYPE_CHECKING:
    from zoo.recipe import Recipe  # which calls this check

WORDS: Final = {
    int: "a whole number", float: "a finite number", bool: "True or False", str: "a text", type(None): "None",
}  # fmt: skip


def require_types(recipe: "Recipe") -> None:
    """Refuse values of other types than the fields', such as numbers in quotes and numbers of numpy.

    Raises:
        RecipeError: the message names the field and what it must be.
    """
    for name, hint in _hints().items():
        value = getattr(recipe, name)
        if not _fits(value, hint):
            raise RecipeError(f"{name} must be {_in_words(hint)}; got {value!r}.")


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of a field's type; a float is finite and may be a whole number, and a bool is no number."""
    parts = get_args(hint)
    match get_origin(hint) or hint:
        case typing.Literal:
            return isinstance(value, str)  # which one is checked by name
        case typing.Union | types.UnionType:
            return any(_fits(value, part) for part in parts)
        case builtins.tuple if parts[-1] is ...:
            return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
        case builtins.tuple:
            return isinstance(value, tuple) and len(value) == len(parts) and all(map(_fits, value, parts))
        case builtins.float:
            return type(value) in (int, float) and math.isfinite(cast("float", value))
        case kind:
            return type(value) is kind


def _in_words(hint: Any) -> str:
    """A field's type in words."""
    parts = get_args(hint)
    match get_origin(hint) or hint:
        case typing.Literal:
            return f"one of {', '.join(map(repr, parts))}"
        case typing.Union | types.UnionType:
            return " or ".join(map(_in_words, parts))
        case builtins.tuple if parts[-1] is ...:
            return f"a tuple, each item {_in_words(parts[0])}"
        case builtins.tuple:
            return f"({', '.join(map(_in_words, parts))})"
        case kind:
            return WORDS.get(kind, f"a {kind.__name__}")


@functools.cache
def _hints() -> dict[str, Any]:
    from zoo.recipe import Recipe  # imported by then

    return get_type_hints(Recipe)
