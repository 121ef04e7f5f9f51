"""Lock of a zoo's directory: one command at a time trains or scores in it; reading needs no lock.

The lock is the kernel's (`flock`): it ends with the process that holds it, however that ends. The file stays.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TextIO

from harness.errors import HarnessError

FILE: Final = "gapbench.lock"  # in the zoo's directory
ATTEMPTS: Final = 5
PAUSE: Final = 0.05  # seconds


class BusyZooError(HarnessError):
    """Another process trains or scores in the directory."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock.

    Attributes:
        pid: its process id; 0 where the file does not name it.
        host: the machine that it runs on; empty where the file does not name it.
    """

    pid: int
    host: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.pid else "another process"


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the lock of a directory, which is created if it does not exist.

    Raises:
        BusyZooError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a+", encoding="utf-8") as file:
        if not _lock_soon(file):
            raise BusyZooError(
                f"{folder} is in use by {_read(file)}, which trains or scores in it. Wait until it ends, or give "
                f"another --out. Meanwhile gapbench status {folder} shows its progress, and rank and page work."
            )
        file.truncate(0)
        file.write(json.dumps(asdict(Holder(os.getpid(), socket.gethostname()))))
        file.flush()
        yield


def holder_of(folder: Path) -> Holder | None:
    """Return which process holds the lock of a directory; None where none does."""
    try:
        with (folder / FILE).open(encoding="utf-8") as file:
            return None if _lock(file, fcntl.LOCK_SH) else _read(file)
    except FileNotFoundError:
        return None


def _lock_soon(file: TextIO) -> bool:
    """Try to lock a file for this process alone, again after a moment: `holder_of` may just be looking."""
    for _ in range(ATTEMPTS):
        if _lock(file, fcntl.LOCK_EX):
            return True
        time.sleep(PAUSE)
    return False


def _lock(file: TextIO, kind: int) -> bool:
    """Try to lock a file until it is closed. A file system without locks counts as free."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _read(file: TextIO) -> Holder:
    file.seek(0)
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):
        return Holder(0, "")  # it has the lock and has not written yet
