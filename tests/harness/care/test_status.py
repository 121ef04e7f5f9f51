"""Status of a zoo at rest, at work and damaged."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.care.status import UnreadableLedgerError, read_status
from harness.cli import app
from harness.store.lock import hold
from harness.store.schema import SCHEMA

LINES = (
    "2026-01-01T00:00:00+00:00 training: 0 of 8 networks (0%), 0 s\n"
    "2026-01-01T00:00:20+00:00 training: 2 of 8 networks (25%), 20 s, about 60 s left\n"
)


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Two networks, a score of each outcome, an old failure that a later version mended, and a step in progress."""
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
        connection.executescript(SCHEMA)
        runs = [(run_id, "{}", "{}", "{}", "", "", "") for run_id in ("a", "b")]
        connection.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", runs)
        scores = [
            ("a", "l2", 1, "failed", None, "Traceback\nValueError: old"),
            ("a", "l2", 2, "scored", 1.0, ""),
            ("a", "rank", 1, "failed", None, "Traceback\nValueError: no"),
            ("b", "rank", 1, "failed", None, "Traceback\nValueError: no"),
            ("b", "slow", 1, "timeout", None, ""),
        ]
        connection.executemany("INSERT INTO scores VALUES (?, ?, ?, ?, ?, 0.0, ?, '[]', '', '', NULL)", scores)
    (tmp_path / "progress.log").write_text(LINES + "2026-01-01T00:00:30+00:00 train")  # the last line is cut off
    return tmp_path


def test_status_counts_the_latest_scores_and_names_reasons(zoo: Path) -> None:
    """Failures of versions that were replaced do not count."""
    found = read_status(zoo)

    assert found.networks == 2
    assert found.scores == {"scored": 1, "failed": 2, "timeout": 1}
    assert found.failures == {"failed: ValueError: no": 2, "timeout": 1}
    assert found.step is not None
    assert (found.step.done, found.step.total) == (2, 8)
    assert found.step.per_hour == pytest.approx(360)
    assert found.step.seconds_left == pytest.approx(60)


def test_status_names_the_process_at_work(zoo: Path) -> None:
    """And, where none is, says how to go on."""
    runner = CliRunner()
    assert "The last command did not end" in runner.invoke(app, ["status", str(zoo)]).stdout
    with hold(zoo):
        shown = runner.invoke(app, ["status", str(zoo)]).stdout
        facts = json.loads(runner.invoke(app, ["status", str(zoo), "--json"]).stdout)
    assert "about 60 s left" in shown
    assert "did not end" not in shown
    assert facts["holder"]["pid"] > 0
    assert facts["seconds_left"] == pytest.approx(60)


def test_a_ledger_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    """It says which command examines it."""
    (tmp_path / "ledger.sqlite").write_text("no ledger")
    with pytest.raises(UnreadableLedgerError, match="gapbench doctor"):
        read_status(tmp_path)
