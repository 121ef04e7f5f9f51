"""Progress is a line every ten seconds or five per cent, on a clock that the test sets."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from harness.pipeline.progress import LOG, ProgressLines, report_progress, tick_until
from tests.harness.pipeline.planning import printed


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def written() -> list[str]:
    """The lines so far."""
    return []


def test_five_per_cent_is_a_line(clock: Clock, written: list[str]) -> None:
    """Twenty lines of forty networks that take no time, after the first; the last says that all are done."""
    lines = ProgressLines("training", 40, written.append, clock)
    for _ in range(40):
        lines.advance()

    assert [line.split(" of")[0] for line in written] == [f"training: {done}" for done in range(0, 41, 2)]
    assert written[-1] == "training: 40 of 40 networks (100%), 0 s"


def test_ten_seconds_are_a_line(clock: Clock, written: list[str]) -> None:
    """Not before, and again after ten more; with the time that remains if it goes on so."""
    lines = ProgressLines("scoring", 1000, written.append, clock)
    for second in range(1, 25):
        clock.now = 100.0 + second
        lines.advance()

    assert written == [
        "scoring: 0 of 1000 networks (0%), 0 s",
        "scoring: 10 of 1000 networks (1%), 10 s, about 990 s left",
        "scoring: 20 of 1000 networks (2%), 20 s, about 980 s left",
    ]


def test_a_network_that_takes_minutes_is_no_silence(clock: Clock, written: list[str]) -> None:
    """Ticks write while nothing is done, and no more once all is."""
    lines = ProgressLines("training", 1, written.append, clock)
    waits = iter([False, False, False, True])

    def wait(seconds: float) -> bool:
        clock.now += seconds
        return next(waits)

    tick_until(lines, wait)
    lines.advance()
    clock.now += 60
    lines.tick()

    assert written == [
        "training: 0 of 1 networks (0%), 0 s",
        "training: 0 of 1 networks (0%), 10 s",
        "training: 0 of 1 networks (0%), 20 s",
        "training: 0 of 1 networks (0%), 30 s",
        "training: 1 of 1 networks (100%), 40 s",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_are_in_the_log_and_bars_in_a_terminal(terminal: bool, tmp_path: Path) -> None:
    """Without a terminal the console has the same lines; a second task is appended to the log."""
    console = Console(file=io.StringIO(), width=200, force_terminal=terminal)
    for task in ("training", "scoring"):
        with report_progress(console, tmp_path, task, 2) as advance:
            advance()
            advance()
    log = [line.split(" ", 1)[1] for line in (tmp_path / LOG).read_text().splitlines()]

    assert [line.split(",")[0] for line in log] == [
        f"{task}: {done} of 2 networks ({50 * done}%)" for task in ("training", "scoring") for done in range(3)
    ]
    if terminal:
        assert "━" in printed(console)
        assert log[0] not in printed(console)
    else:
        assert printed(console).splitlines() == log
