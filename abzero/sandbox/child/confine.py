"""The layers that a zygote puts on itself, once, and so on every child: each tells whether it is in force.

Standard library only. Seccomp and the limits on processor time and processes are put on by each child (`zygote`).
"""

import contextlib
import os
import resource
import sys
from collections.abc import Callable

from abzero.sandbox.child import seccomp

NOBODY = 65_534
ON = "on"


def confine(memory_bytes: int, without: frozenset[str]) -> dict[str, str]:
    """Apply all layers but those in `without`; maps each to 'on' or to the reason why it is not."""
    layers: dict[str, Callable[[], object]] = {"limits": lambda: _limit(memory_bytes), "uid": _drop_user}
    if sys.platform == "linux":
        layers = {
            "limits": lambda: _limit(memory_bytes),
            "clocks": _hide_clocks,
            "namespaces": _unshare,
            "uid": _drop_user,
            "privileges": _drop_privileges,
            "landlock": _landlock,
            "seccomp": _probe_seccomp,
        }
    return {name: "off on request" if name in without else _state(layer) for name, layer in layers.items()}


def _state(layer: Callable[[], object]) -> str:
    try:
        layer()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        return f"missing: {error}"
    return ON


def _hide_clocks() -> None:
    from abzero.sandbox.child import clocks

    clocks.hide()


def _unshare() -> None:
    """New network, IPC, host-name and process namespaces, and without the right to make them, a new user namespace.

    The first child forked after this is process 1 of the new process namespace; it only waits for the zygote's end of a
    pipe to close, and with it ends all.
    """
    from abzero.sandbox.child import syscalls

    spaces = syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWPID
    try:
        syscalls.unshare(spaces)
    except OSError:
        _drop_user()
        syscalls.unshare(spaces | syscalls.CLONE_NEWUSER)
    reader, _ = os.pipe()
    if os.fork() == 0:
        try:
            os.closerange(0, reader)
            os.closerange(reader + 1, 1024)
            with contextlib.suppress(OSError):  # the layer of its own says so
                _drop_user()
            os.read(reader, 1)
        finally:
            os._exit(0)
    os.close(reader)


def _drop_user() -> None:
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        except OSError as error:
            raise OSError(f"cannot leave root, as where 'unshare -r' maps no other user: {error}") from error
    if os.geteuid() == 0 or os.getuid() == 0:
        raise OSError("still root")


def _drop_privileges() -> None:
    from abzero.sandbox.child import syscalls

    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)


def _landlock() -> None:
    from abzero.sandbox.child import landlock

    landlock.restrict()


def _limit(memory_bytes: int) -> None:
    for name, bound in (("CORE", 0), ("FSIZE", 0), ("MEMLOCK", 0), ("MSGQUEUE", 0), ("NOFILE", 32), ("STACK", 8 << 20)):
        if (number := getattr(resource, f"RLIMIT_{name}", None)) is not None:
            _lower(number, bound)
    if sys.platform == "linux":
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # where memory runs out all the same, a child goes before the trainer
        with open("/proc/self/statm") as file:
            memory_bytes += int(file.read().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, memory_bytes)


def _lower(number: int, bound: int) -> None:
    _, hard = resource.getrlimit(number)
    bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
    resource.setrlimit(number, (bound, bound))


def _probe_seccomp() -> None:
    """Whether a child could install the filter: a throw-away child tries."""
    if not seccomp.supported():
        raise OSError("no table of system calls for this machine")
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            seccomp.installer(writer)()
            os.write(writer, b"on")
        except OSError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    answer = os.read(reader, 200).decode()
    os.close(reader)
    os.waitpid(pid, 0)
    if answer != "on":
        raise OSError(answer or "the probe died")
