"""Functions of a user's file, named FILE.py:FUNCTION."""

import functools
import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from harness.adopting.errors import AdoptError
from measures.errors import suggestion


def is_user_code(text: str) -> bool:
    """Whether a text names a function of a file, and no model of a library or data set."""
    return text.rpartition(":")[0].endswith(".py")


def load_function(text: str) -> Callable[..., Any]:
    """Load the function that FILE.py:FUNCTION names; the file is run once a process.

    Raises:
        AdoptError: no such file or function, or the file does not run.
    """
    where, _, name = text.rpartition(":")
    module = _run_file(Path(where).resolve())
    function = getattr(module, name, None)
    if not callable(function):
        defined = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise AdoptError(f"{where} must define the function {name}; it does not. {suggestion(name, defined)}")
    return cast("Callable[..., Any]", function)


def takes(text: str, name: str) -> bool:
    """Whether the function that FILE.py:FUNCTION names has a parameter of this name."""
    return name in inspect.signature(load_function(text)).parameters


def hash_of_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        AdoptError: there is no such file.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AdoptError(f"{path} cannot be read ({error.strerror}).") from error


def hash_of_code(text: str) -> str:
    """Return the SHA-256 of the file in FILE.py:FUNCTION; empty for other texts."""
    return hash_of_file(Path(text.rpartition(":")[0])) if is_user_code(text) else ""


def where_it_stopped(error: BaseException, file: str) -> str:
    """Say of which kind an exception is, its message, and the line of the user's file that it passed last."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = f" in line {lines[-1]} of {file}" if lines else ""
    return f"{type(error).__name__}{line}: {(str(error).splitlines() or [''])[0]}"


@functools.cache
def _run_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise AdoptError(f"There is no file {path}. Paths start in the current folder.")
    name = "gapbench_user_" + hashlib.sha256(str(path).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AdoptError(f"{path} must be a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses of the file look there
    sys.path.insert(0, str(path.parent))  # the file may import its neighbours
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # code of others may raise anything
        raise AdoptError(f"{path} does not run: {where_it_stopped(error, str(path))}.") from error
    finally:
        sys.path.remove(str(path.parent))
    return module
