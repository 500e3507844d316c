"""The sandbox: a pool of zygotes, one per hash seed, behind one queue."""

import os
import random
import selectors
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from abzero.errors import ConfigError, IsolationError, SandboxError
from abzero.sandbox import admission, means
from abzero.sandbox.admission import REQUIRED
from abzero.sandbox.base import Call, Outcome
from abzero.sandbox.child.limits import IMPORTS, Limits
from abzero.sandbox.host import Ending, Zygote, ZygoteDied
from abzero.sandbox.schedule import Job, Schedule

SEEDS = 8

_STARTS = 3
"""How often a zygote is started in the place of a dead one, before that is an error."""

Level = Literal["strict", "reduced"]


@dataclass(frozen=True, slots=True)
class Report:
    """What ``abzero doctor`` shows."""

    isolation: str
    python: str
    layers: dict[str, str]
    """Each layer's state: 'on', or why not."""
    escapes: tuple[str, ...]
    """What the self-test could do although it must not; empty under ``strict``."""
    workers: int
    seeds: tuple[int, ...]
    zygotes: tuple[int, ...]
    """Their process ids."""
    respawned: int
    sharing: bool
    """Whether clean programs may share a child; an audit that finds a wrong value ends that for its call of `run`."""
    sharing_faults: int
    """How often that happened."""


class SandboxPool:
    """Runs untrusted programs in one-shot children of freshly exec'd zygotes. One thread at a time uses it.

    Each of `workers`, as a rule one for each processor, is one child that serves many calls or several that run one
    each. `seed` decides the hash seeds and the audit's sample, and with them every verdict that depends on either.
    `without` leaves optional layers off, to test the rest. Raises `IsolationError` where ``strict`` is not possible.
    """

    def __init__(
        self,
        workers: int | None = None,
        isolation: Level = "strict",
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        seed: int = 0,
        imports: Collection[str] | None = IMPORTS,
        without: Collection[str] = (),
    ) -> None:
        if isolation == "strict" and (required := sorted(set(without) & set(REQUIRED))):
            raise ConfigError(f"isolation 'strict' cannot do without {', '.join(required)}")
        self._isolation = isolation
        self._limits, self._imports, self._without = limits, imports, tuple(without)
        self._workers = workers or (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
        most = means.isolated_at_once(limits, self._workers)
        self._rng = random.Random(seed)
        self._seeds = tuple(self._rng.sample(range(1, 2**32), SEEDS))
        self._schedule = Schedule(limits, SEEDS, self._workers, most, self._rng, sharing=imports is not None)
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._respawned = 0
        self._escapes: tuple[str, ...] = ()
        self._selector = selectors.DefaultSelector()
        self._zygotes: list[Zygote] = []
        self._running: dict[tuple[int, int], Job] = {}
        self._ended: deque[tuple[Job, Ending]] = deque()
        try:
            for place in range(SEEDS):
                self._zygotes.append(self._start(place))
            for index in range(SEEDS):
                self._admit(index)
            if any(zygote.layers["tripwires"] != "on" for zygote in self._zygotes):
                self._schedule.may_share = False
        except BaseException:
            self.close()
            raise

    @property
    def isolation(self) -> str:
        return self._isolation

    def report(self) -> Report:
        return Report(
            isolation=self._isolation,
            python=self._zygotes[0].python,
            layers=self._zygotes[0].layers,
            escapes=self._escapes,
            workers=self._workers,
            seeds=self._seeds,
            zygotes=tuple(zygote.pid for zygote in self._zygotes),
            respawned=self._respawned,
            sharing=self._schedule.sharing,
            sharing_faults=self._schedule.sharing_faults,
        )

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        """Evaluate `calls`. Raises `SandboxError` if the sandbox itself fails, never because of a program."""
        if os.getpid() != self._owner:
            raise SandboxError("this sandbox belongs to the process that made it: make one after a fork")
        with self._lock:
            if not self._zygotes:
                raise SandboxError("this sandbox is closed")
            for index in [index for index, zygote in enumerate(self._zygotes) if zygote.dead]:
                self._replace(index)
            self._schedule.add(calls)
            try:
                while self._running or self._ended or self._schedule.waiting:
                    self._fill()
                    if self._ended:
                        self._schedule.finished(*self._ended.popleft())
                    else:
                        self._wait()
            except BaseException:
                self._abandon()
                raise
            return self._schedule.take(calls)

    def close(self) -> None:
        """End every process of the sandbox. Idempotent; a no-op in a forked copy of the owner."""
        if os.getpid() == self._owner:
            for zygote in self._zygotes:
                zygote.close()
            self._zygotes = []
            self._selector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fill(self) -> None:
        """Keep all workers busy; what has ended is looked at after that."""
        while job := self._schedule.next(self._running.values(), more_to_come=bool(self._ended)):
            try:
                ticket = self._begin(job)
            except ZygoteDied:
                self._lose(job.seed)
                try:
                    ticket = self._begin(job)
                except ZygoteDied:
                    self._schedule.failed(job)
                    continue
            self._running[job.seed, ticket] = job

    def _begin(self, job: Job) -> int:
        return self._zygotes[job.seed].start(job.verb, job.request, job.cpu_seconds)

    def _wait(self) -> None:
        deadline = min(self._zygotes[index].next_deadline for index, _ in self._running)
        for key, _ in self._selector.select(max(0.0, deadline - time.monotonic())):
            self._collect(key.data)
        if deadline <= (now := time.monotonic()):
            for index, zygote in enumerate(self._zygotes):
                try:
                    zygote.kill_overdue(now)
                except ZygoteDied:
                    self._lose(index)

    def _collect(self, index: int) -> None:
        try:
            endings = self._zygotes[index].collect()
        except ZygoteDied:
            self._lose(index)
            return
        for ticket, ending in endings:
            self._ended.append((self._running.pop((index, ticket)), ending))

    def _lose(self, index: int) -> None:
        """Replace a dead zygote and queue what it was running once more."""
        for key in [key for key in self._running if key[0] == index]:
            self._schedule.failed(self._running.pop(key))
        self._replace(index)

    def _replace(self, index: int) -> None:
        self._selector.unregister(self._zygotes[index])
        self._zygotes[index].close()
        self._respawned += 1
        try:
            for tries_left in reversed(range(_STARTS)):
                try:
                    self._zygotes[index] = self._start(index)
                    self._admit(index)
                    return
                except SandboxError as error:
                    self._zygotes[index].close()
                    if not tries_left or isinstance(error, IsolationError):
                        raise
        except BaseException:
            self.close()
            raise

    def _start(self, index: int) -> Zygote:
        return Zygote(self._seeds[index], index, self._limits, self._imports, self._without)

    def _abandon(self) -> None:
        """After an error of ours or an interrupt: forget the batch, and everything that is still running of it."""
        self._schedule.clear()
        self._running.clear()
        self._ended.clear()
        for index in [index for index, zygote in enumerate(self._zygotes) if zygote.busy]:
            self._replace(index)

    def _admit(self, index: int) -> None:
        """Take a zygote in: it must be ready, layered as the level demands, and pass the self-test."""
        zygote = self._zygotes[index]
        zygote.wait_until_ready()
        tried = admission.tried(zygote)
        if tried.clocks:
            names = ", ".join(tried.clocks)
            zygote.layers["clocks"] = f"missing: {names} can be read; only the import policy keeps it away"
        self._escapes = tried.escapes
        faults = tried.faults
        if faults and self._isolation == "strict":
            raise IsolationError(
                f"isolation 'strict' is not possible here: {'; '.join(faults)}."
                " To run with less, on a machine that has nothing to lose, ask for isolation 'reduced'."
            )
        if faults and index == 0 and not self._respawned:
            warnings.warn(f"sandbox isolation is reduced: {'; '.join(faults)}", RuntimeWarning, stacklevel=4)
        self._selector.register(zygote, selectors.EVENT_READ, index)
