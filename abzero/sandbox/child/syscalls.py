"""System calls that the standard library does not wrap. Standard library only; imported by the zygote alone."""

import ctypes
import os

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_TSC, PR_SET_NO_NEW_PRIVS = (
    1, 4, 22, 24, 26, 38,
)  # fmt: skip
PR_TSC_SIGSEGV = 2
CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
_holding = ctypes.PyDLL(None, use_errno=True)
"""The same, without letting go of the interpreter's lock: one thread has nobody to give it to."""
_prctl = _holding.prctl
fork = _holding.fork
"""``fork`` without the interpreter's hooks, which reseed ``random`` and tidy up after threads: a third of the cost of a
child, for nothing in a process that has one thread."""


class Prctl:
    """One ``prctl``, made ready before a fork: calling it allocates next to nothing."""

    def __init__(self, option: int, *arguments: object) -> None:
        words = [ctypes.c_ulong(word) if isinstance(word, int) else word for word in (*arguments, 0, 0, 0, 0)[:4]]
        self._call, self._arguments = _prctl, (ctypes.c_int(option), *words)

    def __call__(self) -> None:
        if self._call(*self._arguments) != 0:
            raise failure(f"prctl({self._arguments[0]})")


def failure(call: str) -> OSError:
    """The error that the last call left in errno, named."""
    code = ctypes.get_errno()
    return OSError(code, f"{call}: {os.strerror(code)}")


def error_number() -> int:
    """What the last call left in errno."""
    return ctypes.get_errno()


def prctl(option: int, *arguments: int) -> None:
    Prctl(option, *arguments)()


def syscall(number: int, *arguments: object) -> int:
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise failure(f"system call {number}")
    return result


def unshare(flags: int) -> None:
    if libc.unshare(ctypes.c_int(flags)) != 0:
        raise failure("unshare")


def drop_capabilities() -> None:
    """Empty the permitted, effective and inheritable sets (capset, version 3)."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise failure("capset")
