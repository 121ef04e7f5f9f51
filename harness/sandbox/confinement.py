"""Confine a process that runs foreign code: bubblewrap around it, and limits that it sets itself."""

import ctypes
import os
import resource
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, Literal

from harness.sandbox import landlock, seccomp

Kind = Literal["bubblewrap", "process limits"]
Guard = Literal["namespaces", "landlock", "seccomp", "limits"]

ROOMS: Final = Path(__file__).resolve().parents[2]
SEEN_ROOMS: Final = ("measures", "zoo")  # to run a measure, and to build a network
WORKER_MODULES: Final = (
    "__init__", "sandbox/__init__", "sandbox/confinement", "sandbox/landlock", "sandbox/seccomp",
    "sandbox/retraining", "sandbox/worker",
)  # fmt: skip
LABELLED: Final = ("sklearn/datasets/data",)  # data sets of packages, which include test labels
SYSTEM: Final = (
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
)
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
FACTS: Final = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")
FILE_SIZE: Final = 256 << 20  # bytes of one scratch file
OPEN_FILES: Final = 256
KEPT_MEMORY: Final = 32 << 20  # bytes: forks reuse freed memory, since the first access to a page costs a fault
CAPABILITIES: Final = 0x20080522  # version 3 of the kernel's interface: 64 capabilities
SCRATCH_SIZE: Final = 1 << 30  # bytes of all scratch files, where bubblewrap holds them in memory


@cache
def bubblewrap() -> str | None:
    """Return the path of bubblewrap if it works here, which it does not in every container."""
    found = shutil.which("bwrap")
    if found is None or sys.platform != "linux":
        return None
    probe = [found, "--unshare-all", "--cap-drop", "ALL", "--as-pid-1", "--ro-bind", "/", "/", "--proc", "/proc"]
    with suppress(OSError, subprocess.TimeoutExpired):
        if subprocess.run([*probe, "true"], capture_output=True, timeout=10, check=False).returncode == 0:  # noqa: S603
            return found
    return None


def guards(kind: Kind) -> tuple[Guard, ...]:
    """Return the guards that work here, the strongest first."""
    there: dict[Guard, bool] = {
        "namespaces": kind == "bubblewrap",
        "landlock": landlock.version() > 0,
        "seccomp": seccomp.available(),
        "limits": True,
    }
    return tuple(guard for guard, holds in there.items() if holds)


def wrap_in_bubblewrap(command: Sequence[str], scratch: str) -> list[str]:
    """Wrap a command in bubblewrap: no network and no other process; files are code and a scratch folder in memory."""
    program = bubblewrap()
    if program is None:
        raise RuntimeError("bubblewrap is not installed or does not work here.")
    binds = [path for path in (*code_folders(), *_interpreter(), *_worker_files()) if path.exists()]
    options = ["--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
    options += ["--as-pid-1", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    options += ["--proc", "/proc", "--dev", "/dev", "--size", str(SCRATCH_SIZE), "--tmpfs", scratch]
    for path in sorted(set(binds)):
        options += ["--ro-bind", str(path), str(path)]
    for fact in FACTS[1:]:
        if fact.startswith("/sys"):
            options += ["--ro-bind-try", fact, fact]
    return [program, *options, "--chdir", scratch, "--", *command]


def environment(threads: int) -> Mapping[str, str]:
    """Return the whole environment of a confined process."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "USER": "nobody",  # torch 2.11 asks for a name, and the user of the sandbox is in no list
        "OMP_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MALLOC_MMAP_THRESHOLD_": str(KEPT_MEMORY),
        "MALLOC_TRIM_THRESHOLD_": str(4 * KEPT_MEMORY),
    }


def confine(scratch: Path, *, memory: int, processor_seconds: int) -> None:
    """Irrevocably give up in this process all rights that a measure does not need.

    Args:
        scratch: the only folder that stays writable.
        memory: bytes beyond what the process holds now.
        processor_seconds: after which the kernel kills the process.
    """
    held, mapped = _memory_held()
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CPU, processor_seconds),
        (resource.RLIMIT_DATA, held + memory),
        (resource.RLIMIT_AS, mapped + memory),
    ):
        with suppress(ValueError, OSError):  # macOS refuses some of them
            resource.setrlimit(limit, (value, value))
    _drop_capabilities()
    if landlock.version():
        readable = [*code_folders(), *map(Path, (*DEVICES, *FACTS))]
        landlock.restrict(readable, [scratch], _import_folders())
    if seccomp.available():
        seccomp.refuse_calls()


def _drop_capabilities() -> None:
    """Drop the capabilities of root, such as raising a limit."""
    if sys.platform == "linux":
        header, none = struct.pack("Ii", CAPABILITIES, 0), bytes(24)
        if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
            raise OSError(ctypes.get_errno(), "This process cannot drop its capabilities.")


@cache
def code_folders() -> tuple[Path, ...]:
    """Return the folders of code that a measure may import: no data sets, and only the rooms that it needs."""
    inside = _import_folders() | {Path(sys.base_prefix, "lib").resolve(), *map(Path, SYSTEM)}
    if ROOMS in {Path(sysconfig.get_path("purelib")).resolve(), Path(sysconfig.get_path("platlib")).resolve()}:
        inside.add(ROOMS)  # installed beside all other packages
    hidden = {folder / data for folder in inside for data in LABELLED} | {
        ROOMS / room for room in ("harness", "leaderboard", "tests", "runs")
    }
    rooms = [ROOMS / room for room in SEEN_ROOMS]
    found = {part for folder in inside if folder.exists() for part in _all_but(folder, hidden)}
    return tuple(sorted(found | set(rooms)))


def import_path() -> list[str]:
    """Return the import path without the checkout."""
    return [entry for entry in sys.path if entry and Path(entry).resolve() not in {ROOMS, Path.cwd()}]


def _import_folders() -> set[Path]:
    standard = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    return standard | {Path(entry).resolve() for entry in import_path()}


def _all_but(folder: Path, hidden: set[Path]) -> Iterator[Path]:
    """Yield the folder, or what lies below it except for hidden paths."""
    if folder in hidden:
        return
    if not any(folder in path.parents and path.exists() for path in hidden):
        yield folder
        return
    for part in folder.iterdir():
        yield from _all_but(part, hidden)


def _interpreter() -> list[Path]:
    """Return the paths of Python and of its virtual environment."""
    real = Path(sys.executable).resolve()
    return [Path(sys.prefix, "bin"), Path(sys.prefix, "pyvenv.cfg"), real.parent]


def _worker_files() -> list[Path]:
    return [ROOMS / "harness" / f"{module}.py" for module in WORKER_MODULES]


def _memory_held() -> tuple[int, int]:
    """Return the bytes of data and of all mappings of this process; 0 where the system does not report them."""
    try:
        words = Path("/proc/self/statm").read_text().split()
    except OSError:
        return 0, 0
    page = resource.getpagesize()
    return int(words[5]) * page, int(words[0]) * page
