"""Kill a run at random moments, its driver or one of its children, and resume it until it ends.

    python -m tests.benchmarks.faults --kills 50

compares ids and numbers with those of an undisturbed run and prints what was survived.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harness.store.store import Store
from harness.store.to_ledger import frame_of

RUN = ("run", "smoke", "--measures", "l2,fro_dist,gde_disagreement", "--fleet", "2", "--executor")
LIMIT = 600  # seconds of one command; a longer one hangs


@dataclass(frozen=True, slots=True)
class Survived:
    """A run that was killed and resumed.

    Attributes:
        zoo: its directory, complete.
        kills: how many processes were killed.
        drivers: how many of them were drivers.
        commands: how many commands it took.
    """

    zoo: Path
    kills: int
    drivers: int
    commands: int


def survive(zoo: Path, *, kills: int, seed: int, arguments: Sequence[str] = RUN, longest: float = 4.0) -> Survived:
    """Run a command with kills at random moments, and once more without.

    Once the zoo is complete, the remaining kills hit commands that have little left to do.

    Args:
        zoo: directory to make.
        kills: how many processes to kill.
        seed: of moments and victims.
        arguments: of gapbench; must end with "--executor".
        longest: seconds from the first file of the command to the kill, at most.
    """
    draw, done, drivers, commands = np.random.default_rng(seed), 0, 0, 0
    while done < kills:
        process, commands = _start(zoo, arguments), commands + 1
        time.sleep(draw.uniform(0.5, 0.5 + longest))
        while process.poll() is None and done < kills:
            victim = int(draw.choice([process.pid, *_children(process.pid)]))
            _kill(victim)
            done, drivers = done + 1, drivers + (victim == process.pid)
            if victim == process.pid:
                break
            time.sleep(draw.uniform(0.0, longest))
        process.wait(LIMIT)
    process = _start(zoo, arguments)
    if process.wait(LIMIT) != 0:
        raise RuntimeError(f"The last command ended with status {process.returncode}.")
    return Survived(zoo, done, drivers, commands + 1)


def numbers(zoo: Path) -> pd.DataFrame:
    """Return the ledger without seconds."""
    with Store(zoo) as store:
        frame = frame_of(store)
    return frame[[name for name in frame.columns if name != "seconds" and not name.startswith("cost.")]]


def _start(zoo: Path, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *arguments, "processes", "--workers", "2", "--out", str(zoo)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def _children(pid: int) -> list[int]:
    """Return the process ids of all descendants, from /proc (Linux)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += sorted(child for child, parent in parents.items() if parent == one)
    return found[1:]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    """Kill, resume, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole = survive(Path(folder) / "whole", kills=0, seed=0)
        survived = survive(Path(folder) / "killed", kills=options.kills, seed=options.seed)
        pd.testing.assert_frame_equal(numbers(survived.zoo), numbers(whole.zoo), rtol=1e-4)
        print(
            f"{survived.kills} kills ({survived.drivers} of the driver), {survived.commands} commands: "
            f"{len(numbers(whole.zoo))} networks, ids and numbers as without kills."
        )


if __name__ == "__main__":
    main()
