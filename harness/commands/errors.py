"""How a command answers: exit statuses, consoles, and one sentence on what cannot be."""

import os
import select
import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, NoReturn, ParamSpec, TextIO

import typer
from rich.console import Console
from rich.markup import escape

from harness.errors import HarnessError

P = ParamSpec("P")

GOOD: Final = 0
NEGATIVE: Final = 1
USAGE: Final = 2

console = Console()
errors = Console(stderr=True)


def answering(command: Callable[P, int]) -> Callable[P, None]:
    """Turn bad input into one sentence and exit status 2, and Ctrl-C into a word on how to go on.

    A reader of the output that leaves before its end, as `head` does, ends the command with status 1 and no word.
    """

    @wraps(command)
    def answered(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            status = command(*args, **kwargs)
            sys.stdout.flush()  # here, where a reader that has left is met, and not when Python ends
        except typer.Exit:  # a RuntimeError too
            raise
        except OSError as error:
            if isinstance(error, BrokenPipeError) and _unread(sys.stdout):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still holds to write
                raise typer.Exit(NEGATIVE) from None
            refuse(f"{error.filename} cannot be used: {error.strerror}." if error.filename else str(error))
        except HarnessError as error:
            refuse(str(error))
        except (ValueError, LookupError, RuntimeError) as error:
            if type(error).__module__ == "builtins" and not str(error).endswith((".", "?", "]")):
                raise  # a fault of the program, not of its input
            refuse(str(error))
        except KeyboardInterrupt:
            errors.print("\nInterrupted. What was finished is kept; the same command goes on from there.")
            raise typer.Exit(130) from None
        raise typer.Exit(status)

    return answered


def _unread(output: TextIO) -> bool:
    """Whether it is a pipe whose reader has left; other pipes break too, as that to a worker."""
    pipe = select.poll()
    pipe.register(output.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in pipe.poll(0))


def refuse(message: str) -> NoReturn:
    """End with a sentence on what cannot be."""
    errors.print(f"[red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(USAGE)
