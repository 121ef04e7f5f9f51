"""Killed while it scores, the program goes on with the networks that have no score yet."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.harness.conftest import Gapbench

SLOW = '''
import time
from measures import measure

@measure(source="this test", family="norm")
def slow(subject):
    """The time at which it was computed, slowly."""
    time.sleep(0.3)
    return time.time()
'''


def scored(zoo: Path) -> dict[str, float]:
    """The slow scores that there are, by run_id."""
    with sqlite3.connect(zoo / "ledger.sqlite") as connection:
        rows = connection.execute("SELECT run_id, value FROM scores WHERE measure = 'slow'").fetchall()
    connection.close()
    return dict(rows)


def test_killed_while_scoring_it_goes_on_where_it_was(zoo: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """SIGKILL after the first scores; no network that had its score is scored again, and in the end all have one."""
    plugin = tmp_path / "slow.py"
    plugin.write_text(SLOW)
    again = ("score", "smoke", "--limit", "4", "--measures", "slow", "--plugin", plugin, "--out", zoo)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *map(str, again), "--executor", "local"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    while not scored(zoo):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = scored(zoo)
    assert 1 <= len(before) < 4, "it must be killed in the middle"

    assert gapbench(*again).exit_code == 0
    after = scored(zoo)
    assert len(after) == 4
    assert {run_id: after[run_id] for run_id in before} == before, "what was scored is not scored again"
