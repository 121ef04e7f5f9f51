"""A user's mistake is one sentence, a fault of the program a traceback, and a reader that leaves is no error."""

import errno
import importlib
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness.commands.errors import USER_ERRORS, report_user_errors


def pipe_without_a_reader() -> int:
    """A descriptor to write to."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("length", [1, 1_000_000])
def test_a_reader_that_leaves_ends_the_command_quietly(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is met while there is more to print or at the end; what is left unwritten harms nothing then."""
    output = os.fdopen(pipe_without_a_reader(), "w")
    monkeypatch.setattr(sys, "stdout", output)
    with pytest.raises(typer.Exit) as ended:
        report_user_errors(lambda: 0 * output.write("x" * length))()

    assert ended.value.exit_code == 1
    output.close()


def test_another_pipe_that_breaks_is_a_fault_of_the_program() -> None:
    """As the one to a worker: the reader of the output is still there."""

    def command() -> int:
        return os.write(pipe_without_a_reader(), b"work")

    with pytest.raises(BrokenPipeError):
        report_user_errors(command)()


@pytest.mark.parametrize("base", USER_ERRORS.items(), ids=lambda base: str(base[1]))
def test_what_a_user_did_wrong_is_one_sentence(base: tuple[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever it ends with: the class decides."""
    kind: type[Exception] = getattr(importlib.import_module(base[0]), base[1])

    class MistakeError(kind):  # type: ignore[valid-type,misc]  # one of four
        """What a room derives from its base."""

    def command() -> int:
        raise MistakeError("no full stop")

    with pytest.raises(typer.Exit) as ended:
        report_user_errors(command)()

    assert ended.value.exit_code == 2
    assert "error: no full stop" in capfd.readouterr().err


def truth_of_a_series() -> int:
    """Raise the ValueError of pandas, whose message ends with a full stop."""
    return 0 if pd.Series([1, 2]) else 1


def cuda_error() -> int:
    """Raise what torch raises for a kernel that failed."""
    raise RuntimeError("CUDA error: device-side assert triggered.")


def missing_key() -> int:
    """Raise a KeyError whose message looks like a suggestion."""
    raise KeyError("Did you mean: width?")


def disk_error() -> int:
    """Raise an OSError that names no file."""
    raise OSError(5, "Input/output error.")


@pytest.mark.parametrize("fault", [truth_of_a_series, cuda_error, missing_key, disk_error])
def test_a_fault_of_the_program_is_a_traceback(fault: Callable[[], int]) -> None:
    """The exception goes through, and Python ends with status 1, whatever the message ends with."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(report_user_errors(fault))
    result = CliRunner().invoke(app, [])

    assert result.exit_code == 1
    assert result.exc_info is not None
    assert fault.__name__ in [frame.name for frame in traceback.extract_tb(result.exc_info[2])]
    assert result.stderr == ""


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An OSError that knows its file is bad input."""

    def command() -> int:
        return len((tmp_path / "none").read_text())

    with pytest.raises(typer.Exit) as ended:
        report_user_errors(command)()

    assert ended.value.exit_code == 2
    assert "none cannot be used: No such file or directory." in "".join(capfd.readouterr().err.split("\n"))


def full_disk() -> int:
    """Write a byte more than there is room for, as to a disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_database() -> int:
    """Write to a SQLite file that may not grow."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        for number in range(10):
            connection.execute(f"CREATE TABLE numbered_{number} (one)")
    return 0


@pytest.mark.parametrize("command", [full_disk, full_database])
def test_a_full_disk_is_a_sentence_on_what_is_kept(
    command: Callable[[], int], capfd: pytest.CaptureFixture[str]
) -> None:
    """The work in flight is lost, and the sentence says how to go on."""
    with pytest.raises(typer.Exit) as ended:
        report_user_errors(command)()

    assert ended.value.exit_code == 1
    said = capfd.readouterr().err
    assert "There is no room to write to (" in said
    assert "Finished work is kept; the same command continues from there. Free some space first" in said
