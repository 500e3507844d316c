"""The zygote: a fresh interpreter with one hash seed that forks a child per run. Standard library only.

It is exec'd by the trainer, reads no request and holds no result: the child that it forks owns the only descriptor to
the parent. It ends when the parent's end of the control socket closes or its parent changes, and its children with it.
"""

import array
import codecs
import gc
import importlib
import io
import json
import os
import random
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from types import ModuleType

from abzero.sandbox.child import (
    codecs_in_memory,
    confine,
    heap,
    listing,
    seccomp,
    selftest,
    surroundings,
    syscalls,
    tripwires,
    wire,
)
from abzero.sandbox.child.child import Worker
from abzero.sandbox.child.limits import IMPORTS
from abzero.sandbox.child.report import DESCRIPTOR, writer

_POLICY_OFF = (
    "os sys posix io time datetime random uuid secrets hashlib ctypes socket subprocess threading asyncio tty cffi"
    " signal resource mmap fcntl select selectors tempfile shutil pathlib glob inspect traceback importlib.machinery"
    " importlib.util builtins gc atexit weakref pickle marshal sqlite3 urllib.request http.client unittest.mock"
    " platform logging warnings faulthandler code pdb concurrent.futures zlib base64 struct locale getpass pty"
    " termios multiprocessing"
)
POLICY_OFF = _POLICY_OFF.split()
"""What is loaded on top when no module is refused, so that attacks reach the kernel."""
_CODECS = (
    "ascii latin-1 utf-7 utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be unicode_escape"
    " raw_unicode_escape punycode cp437 cp1252 hex base64 rot13"
)
"""Text encodings that programs ask for most; the others are loaded where they are asked for."""


BURST = 8
"""Most children forked in a row: until then each takes one descriptor or two of the 32 that the zygote may have."""


class _Null(io.TextIOBase):
    """Standard output that takes every text that there is in UTF-8, and keeps nothing."""

    def write(self, text: str) -> int:
        text.encode()
        return len(text)


def main(control_descriptor: int, settings: str) -> None:
    """Serve `control_descriptor` until its other end closes. `settings`: JSON, see `host.Zygote`."""
    control = socket.socket(fileno=os.dup(control_descriptor))  # a low number, which children know to close
    os.close(control_descriptor)
    parent = os.getppid()
    options: wire.ZygoteSettings = json.loads(settings)
    try:
        worker, tripping = _prepare(options)
        layers = confine.confine(options["memory_bytes"], frozenset(options["without"]))
        layers["tripwires"] = tripping
        if options["imports"] is not None:
            surroundings.scrub()
        heap.make_room_for_names()
        gc.collect()  # before the heap is stirred: what is freed later lies in order
        rng = random.Random(f"{options['seed']}")
        heap.stir(rng, options["place"])
        heap.collect_at_its_own_time(rng, options["place"])
        gc.disable()
        gc.freeze()
    except Exception as error:
        control.sendall(_message({"failed": f"{type(error).__name__}: {error}"}))
        raise SystemExit(1) from error
    control.sendall(_message({"layers": layers, "python": sys.version.split()[0]}))
    lock = seccomp.installer(DESCRIPTOR) if layers.get("seccomp") == confine.ON else None
    _Zygote(control, parent, _life(worker, lock)).serve()


def _message(content: object) -> bytes:
    body = json.dumps(content).encode()
    return wire.LENGTH.pack(len(body)) + body


def _prepare(options: wire.ZygoteSettings) -> tuple[Worker, str]:
    """Load what programs may import, and scrub what would tell them about the machine; the worker, and whether the
    tripwires are laid.
    """
    seed, imports = options["seed"], options["imports"]
    if sys.platform == "linux":
        importlib.import_module("abzero.sandbox.child.clocks")
        importlib.import_module("abzero.sandbox.child.landlock")
    sys.path[:] = [entry for entry in sys.path if entry != options["root"]]
    for name in [*IMPORTS, *POLICY_OFF] if imports is None else imports:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    for name in _CODECS.split():
        codecs.lookup(name)
    codecs_in_memory.keep()
    random.seed(f"{seed}")
    os.environ.clear()
    sys.argv[:] = [f"/{seed}"]
    sys.executable = f"/{seed}"
    sys.stdin = io.StringIO()
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = _Null()  # type: ignore[misc,assignment]
    importlib.import_module("warnings").simplefilter("ignore")
    allowed = None if imports is None else frozenset(imports)
    flag, tripping = _lay_tripwires("tripwires" in options["without"])
    worker = Worker(allowed, options["value_characters"], options["value_depth"], options["value_nodes"], flag)
    sys.modules["__main__"] = ModuleType("__main__")
    worker.warm_up()
    return worker, tripping


def _lay_tripwires(without: bool) -> tuple[tripwires.Flag | None, str]:
    flag = tripwires.Flag()
    try:
        if without:
            return None, "off on request"
        tripwires.lay(flag)
    except (OSError, ValueError, AttributeError, KeyError) as error:
        return None, f"missing: {error}"
    return flag, confine.ON


class _Zygote:
    def __init__(self, control: socket.socket, parent: int, live: Callable[[bytes, int, int, int], None]) -> None:
        self._control = control
        self._parent = parent
        self._live = live
        self._children: dict[int, int] = {}

    def serve(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(reader, select.POLLIN)
        going = True
        while going and os.getppid() == self._parent:
            for descriptor, _ in poll.poll(1000):
                if descriptor == reader:
                    os.read(reader, 4096)
                else:
                    going = self._obey()
            self._reap()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def _obey(self) -> bool:
        """Carry out what commands have come; False once the parent has gone."""
        births: list[tuple[bytes, int, int, list[int]]] = []
        room = socket.CMSG_SPACE(8)
        try:
            while len(births) < BURST:
                message, ancillary, _, _ = self._control.recvmsg(wire.COMMAND.size, room, socket.MSG_DONTWAIT)
                if len(message) != wire.COMMAND.size:
                    return False
                verb, ticket, microseconds, _ = wire.COMMAND.unpack(message)
                if verb == wire.KILL:
                    self._kill(ticket)
                else:
                    [(_, _, data)] = ancillary
                    births.append((verb, ticket, microseconds, array.array("i", data).tolist()))
        except BlockingIOError:
            pass
        except ConnectionError:
            return False
        self._fork(births)
        return True

    def _kill(self, ticket: int) -> None:
        for pid in [pid for pid, owner in self._children.items() if owner == ticket]:
            os.kill(pid, signal.SIGKILL)

    def _fork(self, births: list[tuple[bytes, int, int, list[int]]]) -> None:
        """Fork all in a row: between two forks, each page that is written to is copied once more."""
        live, fork, pids, failed = self._live, syscalls.fork, [], b""
        for verb, _, microseconds, descriptors in births:
            pid = fork()
            if pid == 0:
                live(verb, microseconds, descriptors[0], descriptors[-1])
            pids.append(pid if pid > 0 else -syscalls.error_number())
        for pid, (_, ticket, _, descriptors) in zip(pids, births, strict=True):
            for descriptor in descriptors:
                os.close(descriptor)
            if pid > 0:
                self._children[pid] = ticket
            else:
                failed += wire.STATUS.pack(ticket, pid)
        if failed:
            self._control.sendall(failed)

    def _reap(self) -> None:
        """Tell the parent of all that have ended, in one piece."""
        news = b""
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if (ticket := self._children.pop(pid, None)) is not None:
                news += wire.STATUS.pack(ticket, status)
        if news:
            self._control.sendall(news)


def _life(worker: Worker, lock: syscalls.Prctl | None) -> Callable[[bytes, int, int, int], None]:
    """The function that each forked child runs: read the request, drop privileges, do the work, exit. Never returns.

    Everything it needs is bound beforehand, since looking up a name writes to memory and copies a shared page.
    """
    verbs = {wire.ISOLATED: worker.isolated, wire.COMPILE: worker.compiled, wire.SHARED: worker.shared}
    verbs[wire.LISTED], listed = listing.run, wire.LISTED
    write, read, dup, close_all, block, leave = writer(), _reader(), os.dup2, os.closerange, os.set_blocking, os._exit
    kill_on_timer, timer, limit = signal.setitimer, signal.ITIMER_PROF, resource.setrlimit
    processor, processes = resource.RLIMIT_CPU, resource.RLIMIT_NPROC
    die_together = syscalls.Prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL) if sys.platform == "linux" else None

    def live(verb: bytes, microseconds: int, request_from: int, report_to: int) -> None:
        try:
            if die_together is not None:
                die_together()
            request = read(request_from)
            dup(report_to, DESCRIPTOR)
            close_all(DESCRIPTOR + 1, 64)
            block(DESCRIPTOR, verb == listed)
            kill_on_timer(timer, microseconds / 1e6)
            whole = microseconds // 1_000_000 + 1
            limit(processor, (whole, whole + 1))
            limit(processes, (0, 0))
            if verb not in verbs:
                selftest.survive()
            if lock is not None:
                lock()
            if verb in verbs:
                verbs[verb](request, write)
            else:
                found = selftest.escapes(selftest.FORBIDDEN), selftest.escapes(selftest.CLOCKS)
                write((wire.LOCKED, ""), (wire.VALUE, json.dumps(found)))
        finally:
            leave(0)

    return live


def _reader() -> Callable[[int], bytes]:
    """The function that reads a child's whole request, usually with one `read`, since it was sent before the fork."""
    read, leave, unpack, size = os.read, os._exit, wire.LENGTH.unpack, wire.LENGTH.size

    def whole(descriptor: int) -> bytes:
        [missing] = unpack(read(descriptor, size))
        data = b""
        while missing > 0:
            part = read(descriptor, missing)
            if not part:
                leave(1)
            data += part
            missing -= len(part)
        return data

    return whole
