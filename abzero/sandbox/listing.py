"""Runs programs as benchmarks do: each in a process of its own, on a list of inputs or on a text as standard input."""

import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from abzero.errors import IsolationError, SandboxError
from abzero.sandbox import admission
from abzero.sandbox.child import wire
from abzero.sandbox.child.limits import IMPORTS, MEGABYTE, Limits
from abzero.sandbox.host import Ending, Zygote, ZygoteDied
from abzero.sandbox.outcomes import killed

_MORE = (
    "random hashlib sys time timeit datetime os io unittest calendar pprint difflib struct builtins base64 binascii"
    " zlib secrets uuid copyreg encodings numbers inspect warnings os.path pathlib traceback logging threading"
    " contextvars encodings.shift_jis locale weakref graphlib pickle html html.entities urllib.parse gc signal"
)
EVALUATION_IMPORTS = (*sorted(IMPORTS), *_MORE.split())
"""Loaded beforehand, since a child can load nothing: a module that is not among them is an `ImportError` in there."""
MEMORY_BYTES = 4096 * MEGABYTE
_REPORT_BYTES = 256 << 20
_WITHOUT = ("clocks",)
"""Layers that are left off: programs ask for the time, and a benchmark decides nothing by its value."""

ProcessEnd = Literal["done", "refused", "raised", "timeout", "memory", "crashed", "exited", "killed"]
"""``refused``: by who asked, at a value that was not wanted, the last one. ``killed``: by somebody else, twice, the
second time while nothing else ran: as a rule for want of memory.
"""
_ENDS: dict[bytes, ProcessEnd] = {wire.RAISED: "raised", wire.EXITED: "exited", wire.MEMORY: "memory"}


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """One process: a program, and what it is given. All of it is untrusted data and goes there as such."""

    program: str
    entry: str = ""
    """The function that is called with each input; '' for a program that reads standard input."""
    inputs: tuple[bytes, ...] = ()
    """Each a marshalled list of arguments; or the one text that is standard input."""
    seconds: float = 10.0
    """Of processor time for one input: what it may take at least."""
    seconds_in_all: float = 60.0
    seconds_before: float = 0.0
    """What all inputs are expected to take."""


@dataclass(frozen=True, slots=True)
class ReturnedValue:
    """What a call returned."""

    digest: str
    """Equal for equal values; '' where the value equals nothing."""
    text: str
    """JSON, '' where that is too long."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a process went: the values of its inputs as far as it got."""

    values: tuple[ReturnedValue, ...]
    ended: ProcessEnd
    loaded: bool
    """The module level ran to its end and defined the entry point."""
    seconds: tuple[float, ...]
    """Of wall time for each input."""
    error: str = ""


Accepts = Callable[[int, ReturnedValue], bool]
"""Whether the value for an input, given by its place, is what was wanted."""


def _everything(place: int, value: ReturnedValue) -> bool:
    return True


@dataclass(slots=True)
class _Going:
    """A run in progress, and what has come of it."""

    run: ProgramRun
    accepts: Accepts
    limit: float
    started: float
    received: int = 0
    rest: bytes = b""
    """What came last: the beginning of a frame."""
    values: list[ReturnedValue] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """When the module was loaded, and when each value was there."""
    loaded: bool = False
    ended: ProcessEnd | None = None
    error: str = ""
    open: bool = True

    def take(self, part: bytes) -> None:
        """Take in what the child sent; all that comes after an end counts for nothing."""
        self.received += len(part)
        data, position = self.rest + part, 0
        for tag, body in wire.frames(data):
            position += wire.FRAME.size + len(body)
            if self.ended is None:
                self._take(tag, body)
        self.rest = data[position:]

    def _take(self, tag: bytes, body: bytes) -> None:
        if tag == wire.PREPARED:
            self.loaded = True
            self.at.append(time.monotonic())
        elif tag == wire.VALUE and len(self.values) == len(self.run.inputs):
            self.ended, self.error = "crashed", "more values than inputs"  # the program wrote some itself
        elif tag == wire.VALUE:
            self.at.append(time.monotonic())
            self.values.append(_value(body) if self.run.entry else ReturnedValue("", body.decode("utf-8", "replace")))
            if not self.accepts(len(self.values) - 1, self.values[-1]):
                self.ended = "refused"
        elif tag in _ENDS:
            self.ended, self.error = _ENDS[tag], body.decode("utf-8", "replace")[:100]

    def in_doubt(self, ending: Ending) -> bool:
        """Whether it ran out of time although the input in hand may not have used up its own."""
        if self.ended is not None:
            return False
        before = (self.at[-1] if self.at else self.started) - self.started
        spent = self.limit - before
        return _out_of_time(ending) and spent < self.run.seconds and self.limit < self.run.seconds_in_all


class Runner:
    """Runs many programs at once, one for each of `workers`. Owns one zygote. Raises `IsolationError`."""

    def __init__(self, workers: int | None = None, memory_bytes: int = MEMORY_BYTES) -> None:
        self._workers = workers or len(os.sched_getaffinity(0))
        self._limits = Limits(cpu_seconds=10.0, memory_bytes=memory_bytes)
        self._readable: tuple[str, ...] = ()
        self._zygote: Zygote | None = self._started()

    def _started(self) -> Zygote:
        zygote = Zygote(1, 0, self._limits, EVALUATION_IMPORTS, _WITHOUT)
        try:
            zygote.wait_until_ready()
            tried = admission.tried(zygote)
            if tried.faults:
                raise IsolationError(f"programs of a benchmark cannot be run here: {'; '.join(tried.faults)}")
        except BaseException:
            zygote.close()
            raise
        self._readable = tried.clocks
        return zygote

    @property
    def isolation(self) -> str:
        """As found by the self-test of the zygote in use: nothing escapes, or there is no `Runner`."""
        return "strict, clocks readable" if self._readable else "strict"

    @property
    def pid(self) -> int:
        """Of the zygote in use."""
        return self._alive().pid

    def _alive(self) -> Zygote:
        """The zygote, or a new one after its end. Raises `SandboxError`."""
        if self._zygote is None:
            self._zygote = self._started()
        return self._zygote

    def run(self, runs: Sequence[ProgramRun], accepts: Sequence[Accepts] | None = None) -> list[Ran]:
        """How each of `runs` went, in order; equal ones run once. A process is ended at the first value that the one of
        `accepts` in its place does not take. Raises `SandboxError` where the sandbox fails.
        """
        wanted = dict(zip(runs, accepts or [_everything] * len(runs), strict=True))
        found = self._ran(wanted, self._workers)
        if again := [run for run, ran in found.items() if ran.ended == "killed"]:
            found |= self._ran({run: wanted[run] for run in again}, 1)  # at first, others may have used up the memory
        return [found[run] for run in runs]

    def _ran(self, wanted: Mapping[ProgramRun, Accepts], at_once: int) -> dict[ProgramRun, Ran]:
        found: dict[ProgramRun, Ran] = {}
        waiting = deque((run, _first_limit(run)) for run in wanted)
        going: dict[int, _Going] = {}
        zygote = self._alive()
        try:
            while waiting or going:
                while waiting and len(going) < at_once:
                    run, limit = waiting.popleft()
                    going[_start(zygote, run, limit)] = _Going(run, wanted[run], limit, time.monotonic())
                for ticket, ending in _wait(zygote, going):
                    state = going.pop(ticket)
                    state.take(ending.data)
                    if state.in_doubt(ending):
                        waiting.append((state.run, state.run.seconds_in_all))
                    else:
                        found[state.run] = _outcome(state, ending)
        except ZygoteDied as error:
            self.close()
            raise SandboxError(f"the zygote died: {error}") from error
        except BaseException:
            if going:
                self.close()
            raise
        return found

    def close(self) -> None:
        """End every process. Idempotent; a later run begins anew."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _start(zygote: Zygote, run: ProgramRun, limit: float) -> int:
    frames = [wire.frame(wire.SOURCE, run.program.encode("utf-8", "surrogatepass"))]
    if run.entry:
        frames.append(wire.frame(wire.ENTRY, run.entry.encode()))
        frames += [wire.frame(wire.INPUT, blob) for blob in run.inputs]
    else:
        frames.append(wire.frame(wire.STDIN, run.inputs[0]))
    ticket = zygote.start(wire.LISTED, b"".join(frames), limit)
    zygote.child(ticket).deadline = time.monotonic() + Limits(cpu_seconds=limit).wall_seconds
    return ticket


def _wait(zygote: Zygote, going: dict[int, _Going]) -> list[tuple[int, Ending]]:
    """Take what has come of the runs in progress; those that have ended."""
    tickets = {zygote.child(ticket).socket.fileno(): ticket for ticket, run in going.items() if run.open}
    ready, _, _ = select.select([zygote.fileno(), *tickets], [], [], 1.0)
    for ticket in (tickets[one] for one in ready if one in tickets):
        state, child = going[ticket], zygote.child(ticket)
        try:
            part = child.socket.recv(1 << 20)
        except OSError:
            part = b""
        state.open = bool(part)
        state.take(part)
        if state.received > _REPORT_BYTES or state.ended == "refused":
            state.open, child.deadline = False, 0.0
    zygote.kill_overdue(time.monotonic())
    return zygote.collect() if zygote.fileno() in ready else []


def _first_limit(run: ProgramRun) -> float:
    """What is enough for most: if it is spent, the input in hand has as a rule used up its own share."""
    return min(run.seconds_in_all, 1.2 * run.seconds + 4 * run.seconds_before)


def _out_of_time(ending: Ending) -> bool:
    return ending.overdue or (
        os.WIFSIGNALED(ending.status) and os.WTERMSIG(ending.status) in (signal.SIGPROF, signal.SIGXCPU)
    )


def _outcome(state: _Going, ending: Ending) -> Ran:
    ended, loaded = state.ended, state.loaded or not state.run.entry
    if ended is None and len(state.values) == len(state.run.inputs) and loaded:
        ended = "done"
    if ended is None and _out_of_time(ending):
        ended = "timeout"
    if ended is None:
        ended = "killed" if killed(ending) else "crashed" if os.WIFSIGNALED(ending.status) else "exited"
    times = [after - before for before, after in zip(state.at, state.at[1:], strict=False)]
    return Ran(tuple(state.values), ended, loaded, tuple(times), state.error)


def _value(body: bytes) -> ReturnedValue:
    digest = body[:64].decode("ascii", "replace")
    return ReturnedValue(digest if digest.strip() else "", body[64:].decode("utf-8", "replace"))
