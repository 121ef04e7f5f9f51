"""How a command answers: exit statuses, consoles, and one sentence on what cannot be."""

from collections.abc import Callable
from functools import wraps
from typing import Final, NoReturn, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

P = ParamSpec("P")

GOOD: Final = 0
NEGATIVE: Final = 1
USAGE: Final = 2

console = Console()
errors = Console(stderr=True)


def answering(command: Callable[P, int]) -> Callable[P, None]:
    """Turn bad input into one sentence and exit status 2, and Ctrl-C into a word on how to go on."""

    @wraps(command)
    def answered(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            status = command(*args, **kwargs)
        except typer.Exit:  # a RuntimeError too
            raise
        except OSError as error:
            refuse(f"{error.filename} cannot be used: {error.strerror}." if error.filename else str(error))
        except (ValueError, LookupError, RuntimeError) as error:
            if type(error).__module__ == "builtins" and not str(error).endswith((".", "?", "]")):
                raise  # a fault of the program, not of its input
            refuse(str(error))
        except KeyboardInterrupt:
            errors.print("\nInterrupted. What was finished is kept; the same command goes on from there.")
            raise typer.Exit(130) from None
        raise typer.Exit(status)

    return answered


def refuse(message: str) -> NoReturn:
    """End with a sentence on what cannot be."""
    errors.print(f"[red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(USAGE)
