"""Run each section of the report in a separate process: one that fails, hangs or loses the GPU stops no other."""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from harness.store.atomic_write import write_text

NOTICE: Final = 0.85  # of a section's time, after which it begins nothing more
LINES_TOLD: Final = 30  # of what a section said before it failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all sections share.

    Attributes:
        out: folder of the report; parts and logs lie in `out`/parts.
        small: whether the size is tiny.
        dataset: 32x32 images in colour.
        data_dir: the folder that holds them.
    """

    out: Path
    small: bool
    dataset: str
    data_dir: Path

    def part(self, name: str, kind: str = "json") -> Path:
        """The file of a section's results, or its log."""
        return self.out / "parts" / f"{name.replace(' ', '_').replace(',', '')}.{kind}"


class Part:
    """The results of one section, on the disk as soon as they are known.

    Args:
        path: of the file.
        until: when the clock says so, nothing more is to be begun.
    """

    def __init__(self, path: Path, until: float) -> None:
        self._path = path
        self.until = until
        self.found: dict[str, Any] = {}

    def keep(self, **found: Any) -> None:
        """Results by name, written at once with all before them."""
        self.found |= found
        write_text(self._path, json.dumps(self.found, indent=1, default=str))

    @contextmanager
    def failing(self, what: str) -> Iterator[None]:
        """A piece of the section that may fail: its traceback is kept, and the next piece goes on."""
        try:
            yield
        except Exception:  # noqa: BLE001  what was measured before is still told, and what comes after still measured
            failed = self.found.get("failed", {})
            self.keep(failed={**failed, what: traceback.format_exc()})

    @property
    def left(self) -> float:
        """Seconds until nothing more is to be begun."""
        return self.until - time.monotonic()


def done_apart(name: str, setting: Setting, seconds: float) -> str:
    """Run a section in a separate process, ended after these seconds; returns the reason if it failed, else nothing.

    What it has kept by then stays.
    """
    setting.part(name).parent.mkdir(parents=True, exist_ok=True)
    setting.part(name).unlink(missing_ok=True)
    given = json.dumps(asdict(setting), default=str)
    command = [sys.executable, "-m", "tests.benchmarks.gpu_report", "--section", name, "--setting", given]
    log = setting.part(name, "log")
    with log.open("w") as said:
        process = subprocess.Popen(
            [*command, "--minutes", str(seconds * NOTICE / 60)],
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # with all that it starts
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"{name}: ended after {seconds:.0f} s, when its time was up.\n{_end_of(log)}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return "" if status == 0 else f"{name}: failed with status {status}.\n{_end_of(log)}"


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LINES_TOLD:])


def parts(setting: Setting, names: Sequence[str]) -> Mapping[str, Any]:
    """What sections have kept, this time or before."""
    return {name: json.loads(setting.part(name).read_text()) for name in names if setting.part(name).exists()}
