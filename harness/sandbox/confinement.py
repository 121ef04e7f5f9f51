"""What a process may touch that runs somebody else's measure: bubblewrap around it, and limits that it sets itself."""

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
LABELLED: Final = ("sklearn/datasets/data",)  # data sets that packages bring along, with their test labels
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
KEPT_MEMORY: Final = 32 << 20  # bytes: what a fork frees it uses again, for the first touch of a page costs a fault
CAPABILITIES: Final = 0x20080522  # the version of the kernel's interface, with 64 of them
SCRATCH_SIZE: Final = 1 << 30  # bytes of all scratch files, where bubblewrap holds them in memory


@cache
def bubblewrap() -> str | None:
    """The path of a bubblewrap that works here, which it does not in every container."""
    found = shutil.which("bwrap")
    if found is None or sys.platform != "linux":
        return None
    probe = [found, "--unshare-all", "--cap-drop", "ALL", "--as-pid-1", "--ro-bind", "/", "/", "--proc", "/proc"]
    with suppress(OSError, subprocess.TimeoutExpired):
        if subprocess.run([*probe, "true"], capture_output=True, timeout=10, check=False).returncode == 0:  # noqa: S603
            return found
    return None


def guards(kind: Kind) -> tuple[Guard, ...]:
    """What holds a process here, the strongest first."""
    there: dict[Guard, bool] = {
        "namespaces": kind == "bubblewrap",
        "landlock": landlock.version() > 0,
        "seccomp": seccomp.available(),
        "limits": True,
    }
    return tuple(guard for guard, holds in there.items() if holds)


def wrapped(command: Sequence[str], scratch: str) -> list[str]:
    """A command under bubblewrap: no network, no other process, code and a scratch folder in memory for files."""
    program = bubblewrap()
    if program is None:
        raise RuntimeError("bubblewrap must be installed and work here; it is not or does not.")
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
    """All that a confined process finds in its environment."""
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
    """Give up, in this process and for good, all that a measure does not need.

    Args:
        scratch: the one folder that stays writable.
        memory: bytes beyond what the process holds now.
        processor_seconds: after which the kernel ends it.
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
    """Give up what root may do beyond other users, such as lifting a limit."""
    if sys.platform == "linux":
        header, none = struct.pack("Ii", CAPABILITIES, 0), bytes(24)
        if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
            raise OSError(ctypes.get_errno(), "A process must be able to give up its capabilities; this one is not.")


@cache
def code_folders() -> tuple[Path, ...]:
    """Where Python finds the code that a measure may import: no data set, no room but those that it needs."""
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
    """Where Python looks for modules, but for the checkout."""
    return [entry for entry in sys.path if entry and Path(entry).resolve() not in {ROOMS, Path.cwd()}]


def _import_folders() -> set[Path]:
    standard = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    return standard | {Path(entry).resolve() for entry in import_path()}


def _all_but(folder: Path, hidden: set[Path]) -> Iterator[Path]:
    """The folder, or, where something below it is hidden, the others below it."""
    if folder in hidden:
        return
    if not any(folder in path.parents and path.exists() for path in hidden):
        yield folder
        return
    for part in folder.iterdir():
        yield from _all_but(part, hidden)


def _interpreter() -> list[Path]:
    """Python itself, and what tells it that it lives in a virtual environment."""
    real = Path(sys.executable).resolve()
    return [Path(sys.prefix, "bin"), Path(sys.prefix, "pyvenv.cfg"), real.parent]


def _worker_files() -> list[Path]:
    return [ROOMS / "harness" / f"{module}.py" for module in WORKER_MODULES]


def _memory_held() -> tuple[int, int]:
    """Bytes of data, and of all mappings, of this process; 0 where the system does not say."""
    try:
        words = Path("/proc/self/statm").read_text().split()
    except OSError:
        return 0, 0
    page = resource.getpagesize()
    return int(words[5]) * page, int(words[0]) * page
