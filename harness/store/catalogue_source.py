"""Metadata of the catalogue, read from the source of its modules: importing them takes the seconds of torch."""

import ast
import functools
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from harness.store.measure_metadata import Metadata, make_metadata

DEFAULTS: Final = {"needs": frozenset(), "expected_sign": 1, "cost": "", "version": 1, "weights_only": False}


@functools.cache
def read_catalogue() -> dict[str, Metadata]:
    """Return the metadata of every measure of the catalogue by name, in alphabetical order.

    The same as `metadata_of(catalog())`: functions under `@measure`, whose arguments are literals or constants.

    Raises:
        ValueError: an argument of `@measure` is another expression.
    """
    files = sorted((_package("measures") / "catalogue").rglob("*.py"))
    return dict(sorted((name, metadata) for file in files for name, metadata in _measures_in(file)))


def _measures_in(file: Path) -> Iterator[tuple[str, Metadata]]:
    for node in _parse(file).body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                match decorator:
                    case ast.Call(func=ast.Name(id="measure"), keywords=keywords):
                        given = {str(word.arg): _value(word.value, file) for word in keywords if word.arg != "slow"}
                        docstring = ast.get_docstring(node, clean=False) or ""
                        yield node.name, make_metadata(**DEFAULTS | given, docstring=docstring)  # type: ignore[arg-type]  # as `measure` checks them


def _value(node: ast.expr, file: Path) -> object:
    """Evaluate a literal, an f-string, or a constant of the module or of one that it imports."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return _constant(name, file)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return ast.literal_eval(node)
        case ast.Set(elts=items):
            return {_value(item, file) for item in items}
        case ast.JoinedStr(values=parts):
            return "".join(str(_value(part, file)) for part in parts)
        case ast.FormattedValue(value=value, format_spec=None):
            return _value(value, file)
        case _:
            raise ValueError(
                f"{file}:{node.lineno}: @measure must take literals and constants; got {ast.unparse(node)}."
            )


def _constant(name: str, file: Path) -> object:
    for node in _parse(file).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return _value(value, file)
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                return _value(value, file)
            case ast.ImportFrom(module=str(module), names=names) if name in [
                item.asname or item.name for item in names
            ]:
                (original,) = (item.name for item in names if (item.asname or item.name) == name)
                room, _, path = module.partition(".")
                return _constant(original, (_package(room) / path.replace(".", "/")).with_suffix(".py"))
            case _:
                continue
    raise ValueError(f"{file} must define the constant {name}; it does not.")


def _package(name: str) -> Path:
    """Return the folder of a package, without importing it."""
    spec = find_spec(name)
    return Path(((spec and spec.submodule_search_locations) or [""])[0])


@functools.cache
def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))
