"""A measure that searches its process, and what it can open, for labels; it holds them only in disguise."""

import gc
import gzip
import os
import re
from pathlib import Path

import numpy as np
import torch

from measures import Subject, measure

DISGUISE = 0x5A  # every byte of what is sought is changed by this, so that the search does not find itself
SOUGHT = [bytes.fromhex(text) for text in re.split(" ", "@SOUGHT@")]
CHUNK = 1 << 24


def found_in(content: bytes) -> int:
    """How many of the sought sequences stand in these bytes."""
    disguised = (np.frombuffer(content, np.uint8) ^ DISGUISE).tobytes()
    return sum(needle in disguised for needle in SOUGHT)


def in_memory(path: str) -> int:
    """In all memory of a process that can be written to."""
    count = 0
    maps = Path(path, "maps").read_text()
    with Path(path, "mem").open("rb", buffering=0) as memory:
        for low, high in re.findall(r"(?m)^(\w+)-(\w+) rw", maps):
            start, end = int(low, 16), int(high, 16)
            while start < end:
                try:
                    memory.seek(start)
                    content = memory.read(min(CHUNK, end - start))
                except (OSError, ValueError, OverflowError):
                    break
                if not content:
                    break
                count += found_in(content)
                start += len(content)
    return count


def in_objects() -> int:
    """In every tensor, array and list that the garbage collector knows."""
    count = 0
    for item in gc.get_objects():
        if isinstance(item, torch.Tensor):
            count += found_in(bytes(item.untyped_storage()))
        elif isinstance(item, np.ndarray) and not item.dtype.hasobject:
            count += found_in(np.ascontiguousarray(item).tobytes())
        elif type(item) is list and item and all(type(part) is int and 0 <= part < 256 for part in item):
            count += found_in(bytes(item)) + found_in(np.array(item, np.int64).tobytes())
    return count


def in_files() -> int:
    """In the environment, in what is open, in other processes, and in the data sets that packages bring."""
    count = found_in(repr(dict(os.environ)).encode())
    for descriptor in range(64):
        try:
            count += found_in(os.pread(descriptor, CHUNK, 0))
        except OSError:
            continue
    for process in range(1, 65536):
        if process != os.getpid() and Path(f"/proc/{process}").is_dir():
            try:
                count += in_memory(f"/proc/{process}")
            except OSError:
                continue
    for folder in {Path(torch.__file__).parents[1] / "sklearn", Path("/tmp"), Path("@FOLDER@")}:  # noqa: S108
        for path in folder.rglob("*"):
            try:
                if path.name.endswith((".csv.gz", ".csv", ".parquet", ".sqlite")):
                    content = path.read_bytes()
                    plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
                    last = [line.rpartition(b",")[2].split(b".")[0] for line in plain.split(b"\n")]
                    count += found_in(plain) + found_in(
                        bytes(int(word) for word in last if word.isdigit() and int(word) < 10)
                    )
            except OSError:
                continue
    return count


@measure(source="nobody", family="norm", needs={"unlabeled"})
def search(subject: Subject) -> float:
    """How often the sought labels are found anywhere."""
    in_sight = found_in(subject.labels.numpy().tobytes()) + found_in(subject.labels.to(torch.uint8).numpy().tobytes())
    return float(in_sight + in_objects() + in_memory("/proc/self") + in_files())
