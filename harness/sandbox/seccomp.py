"""Deny system calls by a seccomp filter, installed through libc."""

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Final

PR_SET_NO_NEW_PRIVS: Final = 38
PR_SET_SECCOMP: Final = 22
MODE_FILTER: Final = 2
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, EQUAL, AT_LEAST, BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # classic BPF: ld [k], jeq, jge, jset, ret
NUMBER_AT, ARCHITECTURE_AT = 0, 4  # offsets in struct seccomp_data
ARGUMENT_AT, SECOND_AT = 16, 24  # of the low halves of arguments
CLONE_THREAD: Final = 0x10000
FOREIGN_ABI: Final = 0x40000000  # x32 on x86-64: the same calls under other numbers
AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

REFUSED: Final = {
    # other programs and other processes' memory
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "tkill": (200, 130), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    # the network, also through io_uring
    "socket": (41, 198), "io_uring_setup": (425, 425),
    # what outlives a process, or takes memory that no limit counts
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180), "memfd_create": (319, 279),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # changes to files that Landlock does not govern
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "utimensat": (280, 88), "futimesat": (261, None), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    # ways out
    "mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51),
    "pivot_root": (155, 41), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265),
}  # fmt: skip
SELF_ONLY: Final = {"kill": (62, 129), "tgkill": (234, 131)}  # a process may end itself
CLONE: Final = (56, 220)  # threads only
CLONE3: Final = 435  # its flags lie in memory, which filters cannot read; without it libc falls back to clone
ON_ITSELF: Final = {"prlimit64": (302, 261), "sched_setaffinity": (203, 122)}  # on itself only, which is process 0
OWNING: Final = {  # orders that name who gets a signal when a file has something to say: F_SETOWN, FIOSETOWN and kin
    "fcntl": ((72, 25), (8, 15)), "ioctl": ((16, 29), (0x8901, 0x8902)),
}  # fmt: skip


def available() -> bool:
    """Return whether this machine's system calls are known and its kernel can filter them."""
    return sys.platform == "linux" and platform.machine() in AUDIT and sys.maxsize > 2**32


def refuse_calls() -> None:
    """Irrevocably deny this process every call of `REFUSED`, new processes, and signals to others.

    Raises:
        OSError: the kernel rejects the filter.
    """
    program = _program(0 if platform.machine() == "x86_64" else 1, os.getpid())
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, header, 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "The kernel rejects the seccomp filter.")


def _program(column: int, pid: int) -> bytes:
    """Assemble the filter in classic BPF; every call that is not named is allowed."""
    refused = _instruction(RETURN, ERRNO | errno.EPERM)
    code = [
        _instruction(LOAD, ARCHITECTURE_AT),
        _instruction(EQUAL, list(AUDIT.values())[column], 1, 0),
        _instruction(RETURN, KILL),
        _instruction(LOAD, NUMBER_AT),
    ]
    code += [_instruction(AT_LEAST, FOREIGN_ABI, 0, 1), refused]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            code += [_instruction(EQUAL, number, 0, 1), refused]
    code += [_instruction(EQUAL, CLONE3, 0, 1), _instruction(RETURN, ERRNO | errno.ENOSYS)]
    argued = [(CLONE, BITS, CLONE_THREAD), *((numbers, EQUAL, 0) for numbers in ON_ITSELF.values())]
    argued += [(numbers, EQUAL, pid) for numbers in SELF_ONLY.values()]
    for numbers, test, value in argued:
        code += [
            _instruction(EQUAL, numbers[column], 0, 4),
            _instruction(LOAD, ARGUMENT_AT),
            _instruction(test, value, 0, 1),
            _instruction(RETURN, ALLOW),
            refused,
        ]
    for numbers, orders in OWNING.values():
        code += [_instruction(EQUAL, numbers[column], 0, 2 * len(orders) + 2), _instruction(LOAD, SECOND_AT)]
        for order in orders:
            code += [_instruction(EQUAL, order, 0, 1), refused]
        code += [_instruction(RETURN, ALLOW)]
    return b"".join([*code, _instruction(RETURN, ALLOW)])


def _instruction(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", operation, if_true, if_false, value)
