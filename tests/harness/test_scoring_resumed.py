"""Killed while it scores, the program goes on with the networks that have no score yet."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.harness.conftest import Gapbench

SLOW = '''
import time
from pathlib import Path
from measures import measure

@measure(source="this test", family="norm")
def slow(subject):
    """The number of weights, slowly; each call leaves the sum of the weights in a file."""
    size = sum(p.numel() for p in subject.params.values())
    with Path(r"{log}").open("a") as log:
        log.write(f"{{sum(float(p.sum()) for p in subject.params.values())}}\\n")
    time.sleep(0.3)
    return float(size)
'''


def scored(zoo: Path) -> int:
    """How many networks have the slow score."""
    with sqlite3.connect(zoo / "ledger.sqlite") as connection:
        (count,) = connection.execute("SELECT count(*) FROM scores WHERE measure = 'slow'").fetchone()
    connection.close()
    return int(count)


def test_killed_while_scoring_it_goes_on_where_it_was(zoo: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """SIGKILL after the first scores; no network that had its score is scored again, and in the end all have one."""
    plugin, log = tmp_path / "slow.py", tmp_path / "calls.log"
    plugin.write_text(SLOW.format(log=log))
    again = ("score", "smoke", "--limit", "4", "--measures", "slow", "--plugin", plugin, "--out", zoo)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *map(str, again), "--executor", "local"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    while scored(zoo) < 1:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = scored(zoo)
    assert 1 <= before < 4, "it must be killed in the middle"

    assert gapbench(*again).exit_code == 0
    calls = Counter(log.read_text().split())
    assert scored(zoo) == len(calls) == 4
    assert sum(calls.values()) <= 5, "only the network that was in hand is scored twice"
