"""The system-call filter of a child: an allow-list in classic BPF, for x86-64 and aarch64. Standard library only.

What pure computation needs is memory and one descriptor to write to. All else ends the process, since the library and
programs turn a refusal into an answer: a process id of -1, one processor, no such file. What fails with EPERM instead
is what innocent programs do unknowingly or the C library does on its way out: locks read clocks, a syntax error looks
for its file, `abort` sends a signal.
"""

import ctypes
import platform
import struct
import sys

from abzero.sandbox.child import syscalls

ALLOWED = ("brk", "munmap", "mremap", "madvise", "exit", "exit_group", "rt_sigreturn", "sched_yield")
_REFUSED = "clock_gettime clock_getres gettimeofday time open openat rt_sigaction rt_sigprocmask tgkill"
REFUSED = tuple(_REFUSED.split())
_X86_64 = {
    "write": 1, "open": 2, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14,
    "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28, "exit": 60, "gettimeofday": 96, "time": 201,
    "futex": 202, "clock_gettime": 228, "clock_getres": 229, "exit_group": 231, "tgkill": 234,
    "openat": 257,
}  # fmt: skip
_AARCH64 = {
    "openat": 56, "write": 64, "exit": 93, "exit_group": 94, "futex": 98, "clock_gettime": 113, "clock_getres": 114,
    "sched_yield": 124, "tgkill": 131, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139,
    "gettimeofday": 169, "brk": 214, "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233,
}  # fmt: skip
MACHINES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}
"""Audit architecture and system-call numbers, by ``platform.machine()``."""

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _TRAP, _REFUSE = 0x7FFF0000, 0x80000000, 0x00030000, 0x00050000 | 1
"""A trap kills too, since no handler can be set; unlike a kill it leaves no line in the system's audit log."""
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_PROT_EXEC, _FUTEX_COMMAND, _FUTEX_WAKE = 4, 0x7F, 1
_X32 = 0x40000000


def supported() -> bool:
    return sys.platform == "linux" and platform.machine() in MACHINES and sys.maxsize > 2**32


def program(machine: str, descriptor: int) -> bytes:
    """The filter for `machine`, as BPF instructions, with `descriptor` as the only one that may be written to."""
    architecture, numbers = MACHINES[machine]
    code: list[tuple[int, int, int, int]] = []

    def emit(operation: int, value: int, then: int = 0, otherwise: int = 0) -> None:
        code.append((operation, then, otherwise, value))

    def when_argument(name: str, index: int, *test: tuple[int, int, int, int], otherwise: int) -> None:
        """Allow `name` if `test`, on the low word of the argument at `index`, ends by skipping nothing."""
        emit(_JUMP_EQUAL, numbers[name], 0, len(test) + 3)
        emit(_LOAD, _FIRST_ARGUMENT + 8 * index)
        code.extend(test)
        emit(_RETURN, _ALLOW)
        emit(_RETURN, otherwise)

    emit(_LOAD, _ARCHITECTURE)
    emit(_JUMP_EQUAL, architecture, 1, 0)
    emit(_RETURN, _KILL)
    emit(_LOAD, _NUMBER)
    emit(_JUMP_GREATER_EQUAL, _X32, 0, 1)
    emit(_RETURN, _KILL)
    emit(
        _JUMP_GREATER_EQUAL, max(numbers.values()) + 1, 0, 1
    )  # the kernel tries out every number when it takes the filter
    emit(_RETURN, _TRAP)
    for name in ALLOWED:
        emit(_JUMP_EQUAL, numbers[name], 0, 1)
        emit(_RETURN, _ALLOW)
    when_argument("write", 0, (_JUMP_EQUAL, 0, 1, descriptor), otherwise=_REFUSE)
    when_argument("mmap", 2, (_JUMP_ANY_BIT, 1, 0, _PROT_EXEC), otherwise=_REFUSE)
    when_argument("mprotect", 2, (_JUMP_ANY_BIT, 1, 0, _PROT_EXEC), otherwise=_REFUSE)
    when_argument("futex", 1, (_AND, 0, 0, _FUTEX_COMMAND), (_JUMP_EQUAL, 0, 1, _FUTEX_WAKE), otherwise=_TRAP)
    for name in REFUSED:
        if name in numbers:
            emit(_JUMP_EQUAL, numbers[name], 0, 1)
            emit(_RETURN, _REFUSE)
    emit(_RETURN, _TRAP)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def installer(descriptor: int) -> syscalls.Prctl:
    """Binds the process that calls it to the filter, for good; made once, before any fork. Needs no_new_privs."""
    code = program(platform.machine(), descriptor)
    mode_filter = 2
    return syscalls.Prctl(syscalls.PR_SET_SECCOMP, mode_filter, ctypes.pointer(_Program(len(code) // 8, code)))
