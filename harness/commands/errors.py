"""Exit statuses of the commands, their consoles, and which exceptions are a user's mistake."""

import errno
import os
import select
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Final, NoReturn, ParamSpec, TextIO

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from leaderboard.ranking.report import Report

P = ParamSpec("P")

GOOD: Final = 0
NEGATIVE: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
TERMINATED: Final = 128 + signal.SIGTERM

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the quota, the limit on a file's size

USER_ERRORS: Final = {  # the base class of each room, by its module
    "harness.errors": "HarnessError",
    "leaderboard.errors": "LeaderboardError",
    "measures.errors": "MeasuresError",
    "zoo.errors": "ZooError",
}

KEPT: Final = "Finished work is kept; the same command continues from there."

UNLIMITED: Final = 10_000  # characters of a line where nothing limits it

console = Console()
errors = Console(stderr=True)


class Terminated(KeyboardInterrupt):
    """SIGTERM was received."""


def end_on_sigterm() -> None:
    """Let SIGTERM end a command as Ctrl-C does, with its workers; a second one changes nothing."""

    def end(*_: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    signal.signal(signal.SIGTERM, end)


def table_console() -> Console:
    """Return the console for tables: no width limits them in a pipe or a file, unless COLUMNS does."""
    limited = console.is_terminal or os.environ.get("COLUMNS", "").isdecimal()
    return console if limited else Console(width=UNLIMITED)


def report_user_errors(command: Callable[P, int]) -> Callable[P, None]:
    """Wrap a command so that it exits with its status, and a user's mistake is one sentence and exit status 2.

    Mistakes are the base classes of `USER_ERRORS` and an `OSError` about a named file. A full disk is one sentence and
    status 1. Every other exception is a fault of the program: a traceback and exit status 1. If the reader of the
    output leaves early, as `head` does, the command ends with status 1 and no message.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            status = command(*args, **kwargs)
            sys.stdout.flush()  # to meet a closed pipe here and not when Python ends
        except OSError as error:
            if isinstance(error, BrokenPipeError) and _reader_has_left(sys.stdout):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still buffered
                raise typer.Exit(NEGATIVE) from None
            if error.errno in FULL:
                _report_full(str(error.strerror))
            if error.filename is None and not isinstance(error, user_errors()):
                raise
            refuse(f"{error.filename} cannot be used: {error.strerror}." if error.filename else str(error))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            _report_full(str(error))
        except user_errors() as error:
            refuse(str(error))
        except KeyboardInterrupt as request:
            terminated = isinstance(request, Terminated)
            errors.print(f"\n{'Terminated' if terminated else 'Interrupted'}. {KEPT}")
            raise typer.Exit(TERMINATED if terminated else INTERRUPTED) from None
        raise typer.Exit(status)

    return run


def _report_full(why: str) -> NoReturn:
    """Print that nothing more can be written, what is kept and how to go on, and exit with status 1."""
    errors.print(
        f"[red]error:[/] There is no room to write to ({escape(why)}). {KEPT} Free some space first, or move the "
        "directory to a larger disk and name it with --out.",
        highlight=False,
        soft_wrap=True,
    )
    raise typer.Exit(NEGATIVE) from None


def user_errors() -> tuple[type[Exception], ...]:
    """Return the base classes of users' errors of all rooms that are imported: no other room can have raised one.

    Importing all of them here would take the seconds that torch takes.
    """
    return tuple(getattr(sys.modules[module], name) for module, name in USER_ERRORS.items() if module in sys.modules)


def _reader_has_left(output: TextIO) -> bool:
    """Return whether the output is a pipe whose reader is gone; other pipes break too, such as that to a worker."""
    pipe = select.poll()
    pipe.register(output.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in pipe.poll(0))


def report_empty(report: "Report") -> int:
    """Exit status of a ranking: without a network that could be ranked it is negative, with a sentence on why."""
    if report.models:
        return GOOD
    if report.not_converged and report.converged_only:
        why = f"None of {report.not_converged} networks converged. Pass --all-runs to `gapbench rank` to include them."
    else:
        why = f"No network has a {report.target}."
    errors.print(f"[red]Nothing was ranked:[/] {escape(why)}", highlight=False, soft_wrap=True)
    return NEGATIVE


def refuse(message: str) -> NoReturn:
    """Print a user's mistake and exit with status 2."""
    errors.print(f"[red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(USAGE)
