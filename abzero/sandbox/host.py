"""The trainer's side of one zygote: start it, have it fork, hear how its children ended. What they send is data."""

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from abzero.errors import SandboxError
from abzero.sandbox.child import wire
from abzero.sandbox.child.limits import Limits

_ROOT = Path(__file__).resolve().parents[2]
_BOOT = "import sys; _, root, control, settings = sys.argv; sys.path.append(root)\n"
_BOOT += "from abzero.sandbox.child.zygote import main; main(int(control), settings)"
_START_SECONDS = 60.0
_ROOM = 1 << 20
"""Of bytes, for what a child of many calls is sent and sends. It is the most that Linux grants a pipe; a socket gets a
fifth of it as a rule, of which small pieces take several times their size.
"""


MORE_PROCESSES = "Is there room for some more processes: `ulimit -u`, the container's limit on processes, memory?"


class ZygoteDied(Exception):
    """The zygote is gone; what it was running must run elsewhere."""


@dataclass(slots=True)
class Child:
    """A run in progress."""

    socket: socket.socket
    """Where its request went, and where its report comes from unless it has a `pipe`."""
    pipe: tuple[int, ...]
    deadline: float

    def report(self) -> bytes:
        """All that it sent, once it has ended; closes both."""
        [source] = self.pipe or [self.socket.fileno()]
        parts = []
        with contextlib.suppress(OSError):
            while part := os.read(source, _ROOM):
                parts.append(part)
        self.close()
        return b"".join(parts)

    def close(self) -> None:
        self.socket.close()
        for reader in self.pipe:
            os.close(reader)


@dataclass(frozen=True, slots=True)
class Ending:
    """A run that is over: the child's wait status, everything that it sent, and whether this side cut it off."""

    status: int
    data: bytes
    overdue: bool


class Zygote:
    """One zygote process with hash seed `seed`. Raises `SandboxError` if it does not start."""

    def __init__(
        self, seed: int, place: int, limits: Limits, imports: Collection[str] | None, without: Collection[str]
    ) -> None:
        self._limits = limits
        self._children: dict[int, Child] = {}
        self._overdue: set[int] = set()
        self._ticket = 0
        self._inbox = b""
        ours, theirs = socket.socketpair()
        settings: wire.ZygoteSettings = {
            "seed": seed,
            "place": place,
            "root": str(_ROOT),
            "imports": None if imports is None else sorted(imports),
            "without": sorted(without),
            "memory_bytes": limits.memory_bytes,
            "value_characters": limits.value_characters,
            "value_depth": limits.value_depth,
            "value_nodes": limits.value_nodes,
        }
        command = [sys.executable, "-sSP", "-c", _BOOT, str(_ROOT), str(theirs.fileno()), json.dumps(settings)]
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PYTHONHOME") if name in os.environ}
        try:
            self._process = subprocess.Popen(
                command,
                env={**kept, "PYTHONHASHSEED": str(seed), "LC_ALL": "C.UTF-8", "LD_BIND_NOW": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            ours.close()
            raise SandboxError(f"no process for a zygote: {error}. {MORE_PROCESSES}") from error
        finally:
            theirs.close()
        self._control = ours
        self.layers: dict[str, str] = {}
        self.python = ""

    def wait_until_ready(self) -> None:
        self._control.settimeout(_START_SECONDS)
        try:
            [length] = wire.LENGTH.unpack(self._exactly(wire.LENGTH.size))
            greeting = json.loads(self._exactly(min(length, 65_536)))
        except (OSError, ValueError) as error:
            self.close()
            raise SandboxError(f"the zygote did not start: {error or 'it ended'}") from error
        if "failed" in greeting:
            self.close()
            raise SandboxError(f"the zygote did not start: {greeting['failed']}")
        self.layers, self.python = greeting["layers"], greeting["python"]
        self._control.setblocking(False)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._control.recv(count - len(data))
            if not part:
                raise ConnectionError("it ended")
            data += part
        return data

    def fileno(self) -> int:
        return self._control.fileno()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, verb: bytes, request: bytes, cpu_seconds: float) -> int:
        """Fork a child for `request`; returns its ticket. Raises `ZygoteDied`."""
        self._ticket = (self._ticket + 1) % 2**32
        ours, theirs = socket.socketpair()
        child = self._children[self._ticket] = Child(ours, (), time.monotonic() + self._limits.wall_seconds)
        pipe: tuple[int, ...] = ()
        if verb in (wire.COMPILE, wire.SHARED):
            pipe = roomy_pipe()
            child.pipe = pipe[:1]
            for end in ours, theirs:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        record = wire.COMMAND.pack(verb, self._ticket, int(cpu_seconds * 1e6), 0)
        self._control.settimeout(self._limits.wall_seconds)
        ours.settimeout(self._limits.wall_seconds)
        try:
            socket.send_fds(self._control, [record], [theirs.fileno(), *pipe[1:]])
            ours.sendall(wire.LENGTH.pack(len(request)) + request)
        except OSError as error:
            self._children.pop(self._ticket).close()
            raise ZygoteDied(str(error)) from error
        finally:
            theirs.close()
            for writer in pipe[1:]:
                os.close(writer)
            self._control.setblocking(False)
        ours.setblocking(False)
        return self._ticket

    def child(self, ticket: int) -> Child:
        """The run with `ticket`, for those who read its report while it goes on."""
        return self._children[ticket]

    @property
    def busy(self) -> bool:
        """Whether it has a run in progress, one that an interrupt kept from being told of included."""
        return bool(self._children)

    @property
    def dead(self) -> bool:
        return self._process.poll() is not None

    @property
    def next_deadline(self) -> float:
        return min([child.deadline for child in self._children.values()]) if self._children else float("inf")

    def kill_overdue(self, now: float) -> None:
        """Have the children killed whose time is over. Raises `ZygoteDied` if the zygote does not obey."""
        for ticket, child in self._children.items():
            if child.deadline <= now:
                if ticket in self._overdue:
                    raise ZygoteDied("it did not kill a child")
                self._overdue.add(ticket)
                child.deadline = now + self._limits.wall_seconds
                try:
                    self._control.send(wire.COMMAND.pack(wire.KILL, ticket, 0, 0))
                except OSError as error:
                    raise ZygoteDied(str(error)) from error

    def collect(self) -> list[tuple[int, Ending]]:
        """The runs that ended since the last call, by ticket. Raises `ZygoteDied`."""
        try:
            data = self._control.recv(65_536)
        except BlockingIOError:
            return []
        except OSError as error:
            raise ZygoteDied(str(error)) from error
        if not data:
            raise ZygoteDied("its control socket closed")
        self._inbox += data
        whole = len(self._inbox) - len(self._inbox) % wire.STATUS.size
        records, self._inbox = self._inbox[:whole], self._inbox[whole:]
        return [self._ended(ticket, status) for ticket, status in wire.STATUS.iter_unpack(records)]

    def _ended(self, ticket: int, status: int) -> tuple[int, Ending]:
        child = self._children.pop(ticket)
        if status < 0:
            child.close()
            raise SandboxError(f"a zygote cannot fork: {os.strerror(-status)}. {MORE_PROCESSES}")
        overdue = ticket in self._overdue
        self._overdue.discard(ticket)
        return ticket, Ending(status, child.report(), overdue)

    def close(self) -> None:
        """End the zygote and every child of it. Idempotent."""
        for child in self._children.values():
            child.close()
        self._children.clear()
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def roomy_pipe() -> tuple[int, ...]:
    """Both ends of a pipe that holds the report of many calls; none where there is none to be had."""
    if not hasattr(fcntl, "F_SETPIPE_SZ"):
        return ()
    reader, writer = os.pipe()
    with contextlib.suppress(OSError):  # of one user's pipes, only so many may be large
        if fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _ROOM) >= _ROOM:
            os.set_blocking(reader, False)
            return reader, writer
    os.close(reader)
    os.close(writer)
    return ()
