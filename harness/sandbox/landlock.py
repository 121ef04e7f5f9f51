"""Restrict the files of a process by a Landlock ruleset, installed through libc without privileges."""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

CREATE, ADD_RULE, RESTRICT = 444, 445, 446  # system calls, the same on every machine
ASK_VERSION: Final = 1
PATH_BENEATH: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
READ: Final = READ_FILE | READ_DIR
RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # kinds of access that each version of the interface knows
OF_FILES: Final = 1 << 0 | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15  # rights that a rule on a file may give
NETWORK_SINCE, SCOPES_SINCE = 4, 6
BIND_CONNECT_TCP: Final = 3
ABSTRACT_SOCKETS_AND_SIGNALS: Final = 3


def version() -> int:
    """Return the version of the kernel's Landlock; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(CREATE, None, 0, ASK_VERSION)))


def restrict(readable: Iterable[Path], writable: Iterable[Path], listable: Iterable[Path] = ()) -> None:
    """Irrevocably deny this process all files except those below these paths, TCP, and other processes' memory.

    Below listable paths names can be listed and no file opened, as importing from part of a folder requires.

    Raises:
        OSError: the kernel has no Landlock.
    """
    abi = version()
    every = (1 << RIGHTS[min(max(abi, 1), max(RIGHTS))]) - 1
    libc = ctypes.CDLL(None, use_errno=True)
    rights = struct.pack(
        "QQQ",
        every,
        BIND_CONNECT_TCP if abi >= NETWORK_SINCE else 0,
        ABSTRACT_SOCKETS_AND_SIGNALS if abi >= SCOPES_SINCE else 0,
    )
    size = 8 * (1 + (abi >= NETWORK_SINCE) + (abi >= SCOPES_SINCE))
    ruleset = _checked(libc.syscall(CREATE, rights, size, 0))
    for access, paths in ((READ, readable), (every, writable), (READ_DIR, listable)):
        for path in paths:
            _allow(libc, ruleset, path, access)
    _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.syscall(RESTRICT, ruleset, 0))
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a missing path needs no rule
    try:
        rule = struct.pack("=Qi", access if path.is_dir() else access & OF_FILES, opened)
        _checked(libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0))
    finally:
        os.close(opened)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "The kernel rejects the Landlock ruleset.")
    return result
