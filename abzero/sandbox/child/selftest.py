"""What a locked child must not be able to do, tried in earnest, inside one. Standard library only."""

import _socket
import ctypes
import errno
import mmap
import os
import platform
import resource
import signal
import sys
from collections.abc import Callable
from time import CLOCK_REALTIME, clock_gettime, sleep
from types import FrameType

_tripped = 0
"""How many system calls the filter would have ended this process for."""


def survive() -> None:
    """Live on after what the filter kills for, to try the next thing; to be called before it is on."""
    signal.signal(signal.SIGSYS, _trip)


def _trip(number: int, frame: FrameType | None) -> None:
    global _tripped
    _tripped += 1


def escapes(attempts: dict[str, Callable[[], object]]) -> list[str]:
    """The names of those attempts that were neither deadly nor refused for want of permission."""
    return [name for name, attempt in attempts.items() if not _refused(attempt)]


def _refused(attempt: Callable[[], object]) -> bool:
    before = _tripped
    try:
        attempt()
    except OSError as error:
        return error.errno in (errno.EPERM, errno.EACCES) or _has_tripped_since(before)
    return _has_tripped_since(before)


def _has_tripped_since(before: int) -> bool:
    return _tripped > before


def _system_call(*arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(*(ctypes.c_long(argument) for argument in arguments)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _raise_limit() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, resource.getrlimit(resource.RLIMIT_CPU))
    except ValueError as error:
        raise OSError(errno.EPERM, str(error)) from error


_X86 = platform.machine() == "x86_64"
_CLONE3, _IO_URING_SETUP, _PIDFD_OPEN = 435, 425, 434
_PTRACE, _MEMFD_CREATE = (101, 319) if _X86 else (117, 279)

FORBIDDEN: dict[str, Callable[[], object]] = {
    "open": lambda: os.open("/", os.O_RDONLY),
    "creat": lambda: os.open("/tmp/abzero-self-test", os.O_CREAT | os.O_WRONLY, 0o600),
    "unlink": lambda: os.unlink("/tmp/abzero-self-test"),
    "socket": lambda: _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM),
    "pipe": os.pipe,
    "dup": lambda: os.dup2(3, 4),
    "write to stdout": lambda: os.write(1, b""),
    "fork": _fork,
    "exec": lambda: os.execv("/nonexistent", ["/nonexistent"]),
    "kill": lambda: os.kill(0, 0),
    "mmap exec": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "setitimer": lambda: signal.setitimer(signal.ITIMER_REAL, 0),
    "sigaction": lambda: signal.signal(signal.SIGPROF, signal.SIG_IGN),
    "setrlimit": _raise_limit,
    "sleep": lambda: sleep(0.0001),
}
if sys.platform == "linux":
    FORBIDDEN |= {
        "clone3": lambda: _system_call(_CLONE3, 0, 0),
        "pidfd_open": lambda: _system_call(_PIDFD_OPEN, 1, 0),
        "ptrace": lambda: _system_call(_PTRACE, 0, 0, 0, 0),
        "memfd_create": lambda: _system_call(_MEMFD_CREATE, 0, 0),
        "io_uring_setup": lambda: _system_call(_IO_URING_SETUP, 1, 0),
        "getrandom": lambda: os.getrandom(1),
    }
CLOCKS: dict[str, Callable[[], object]] = {
    "clock": lambda: clock_gettime(CLOCK_REALTIME),
    "coarse clock": lambda: clock_gettime(5),
}
