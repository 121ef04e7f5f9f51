"""The lock of a zoo's directory dies with its process, names it, and hinders nobody who reads."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.store.lock import FILE, BusyZooError, hold, holder_of

HOLD = """
import sys
import threading
from pathlib import Path
from harness.store.lock import hold

with hold(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    """The refusal names the process; after kill -9 nothing needs to be cleaned up."""
    arguments = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        found = holder_of(tmp_path)
        assert found is not None
        assert found.pid == process.pid
        with pytest.raises(BusyZooError, match=f"in use by process {process.pid} on "), hold(tmp_path):
            pass
        process.kill()
    assert holder_of(tmp_path) is None
    with hold(tmp_path):
        assert (mine := holder_of(tmp_path)) is not None
        assert mine.pid == os.getpid()


def test_a_holder_that_has_not_written_its_name_is_another_process(tmp_path: Path) -> None:
    """Between locking and writing, the file is empty or holds what an earlier process left."""
    with hold(tmp_path):
        (tmp_path / FILE).write_text("no JSON")
        assert str(holder_of(tmp_path)) == "another process"


def test_a_directory_without_a_lock_is_free(tmp_path: Path) -> None:
    """Asking creates no file."""
    assert holder_of(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_who_looks_for_a_holder_keeps_nobody_out(tmp_path: Path) -> None:
    """Looking takes a shared lock for a moment; a command that starts then tries again."""
    with (tmp_path / FILE).open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        gone = threading.Timer(0.02, fcntl.flock, (looking, fcntl.LOCK_UN))
        gone.start()
        with hold(tmp_path):
            gone.join()
            assert holder_of(tmp_path) is not None
