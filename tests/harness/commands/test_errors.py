"""How a command ends when the reader of its output has left."""

import os
import sys

import pytest
import typer

from harness.commands.errors import answering


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
        answering(lambda: 0 * output.write("x" * length))()

    assert ended.value.exit_code == 1
    output.close()


def test_another_pipe_that_breaks_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """As the one to a worker."""

    def command() -> int:
        return os.write(pipe_without_a_reader(), b"work")

    with pytest.raises(typer.Exit) as ended:
        answering(command)()

    assert ended.value.exit_code == 2
    assert "Broken pipe" in capfd.readouterr().err
