"""The sandbox: a pool of zygotes, one per hash seed, behind one queue."""

import json
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
from abzero.python import literals
from abzero.sandbox.base import Call, Outcome
from abzero.sandbox.child import wire
from abzero.sandbox.child.limits import IMPORTS, Limits
from abzero.sandbox.host import Ending, Zygote, ZygoteDied
from abzero.sandbox.schedule import Job, Schedule

SEEDS = 8
REQUIRED = ("uid", "privileges", "limits", "seccomp")
"""Layers that ``strict`` does not do without; the others are depth, for the day that one of these has a hole."""

_SELF_TEST_SECONDS = 6.0

_ISOLATED_EACH = 8
"""Isolated calls that run at once for each worker: no processor waits for the trainer, and a burst of forks
costs less.
"""

Level = Literal["strict", "reduced"]


def isolated_at_once(memory_bytes: int, workers: int) -> int:
    """How many isolated calls may run at once: one for each worker at least, and no more than half of the machine's
    memory has room for if all take what they may.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(workers, min(_ISOLATED_EACH * workers, memory // 2 // memory_bytes))


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
    """Whether clean programs may share a child; an audit that finds a wrong value ends that for good."""


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
        if limits.cpu_seconds <= 0 or limits.memory_bytes <= 0 or limits.value_characters > literals.MAX_CHARACTERS:
            longest = literals.MAX_CHARACTERS
            raise ConfigError(f"a sandbox needs cpu_seconds > 0, memory_bytes > 0 and value_characters <= {longest}")
        self._workers = workers or (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
        self._rng = random.Random(seed)
        self._seeds = tuple(self._rng.sample(range(1, 2**32), SEEDS))
        most = isolated_at_once(limits.memory_bytes, self._workers)
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
            for value in self._seeds:
                self._zygotes.append(Zygote(value, limits, imports, without))
            for index in range(SEEDS):
                self._admit(index)
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
        )

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        """Evaluate `calls`. Raises `SandboxError` if the sandbox itself fails, never because of a program."""
        if os.getpid() != self._owner:
            raise SandboxError("this sandbox belongs to the process that made it: make one after a fork")
        with self._lock:
            if not self._zygotes:
                raise SandboxError("this sandbox is closed")
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
                ticket = self._zygotes[job.seed].start(job.verb, job.request, job.cpu_seconds)
            except ZygoteDied:
                self._schedule.failed(job)
                self._lose(job.seed)
            else:
                self._running[job.seed, ticket] = job

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
            self._zygotes[index] = Zygote(self._seeds[index], self._limits, self._imports, self._without)
            self._admit(index)
        except BaseException:
            self.close()
            raise

    def _abandon(self) -> None:
        """After an error of ours or an interrupt: forget the batch, and everything that is still running of it."""
        self._schedule.clear()
        busy = {index for index, _ in self._running}
        self._running.clear()
        self._ended.clear()
        for index in busy if self._zygotes else ():
            self._replace(index)

    def _admit(self, index: int) -> None:
        """Take a zygote in: it must be ready, layered as the level demands, and pass the self-test."""
        zygote = self._zygotes[index]
        zygote.wait_until_ready()
        missing = {name: state for name, state in zygote.layers.items() if name in REQUIRED and state != "on"}
        missing |= {name: "missing: not known on this system" for name in REQUIRED if name not in zygote.layers}
        escapes, clocks = self._self_test(zygote)
        if clocks:
            zygote.layers["clocks"] = f"missing: {', '.join(clocks)} can be read; only the import policy keeps it away"
        self._escapes = tuple(escapes)
        faults = [f"{name} ({state})" for name, state in missing.items()] + [f"self-test: {name}" for name in escapes]
        if faults and self._isolation == "strict":
            raise IsolationError(
                f"isolation 'strict' is not possible here: {'; '.join(faults)}."
                " To run with less, on a machine that has nothing to lose, ask for isolation 'reduced'."
            )
        if faults and index == 0 and not self._respawned:
            warnings.warn(f"sandbox isolation is reduced: {'; '.join(faults)}", RuntimeWarning, stacklevel=4)
        self._selector.register(zygote, selectors.EVENT_READ, index)

    def _self_test(self, zygote: Zygote) -> tuple[list[str], list[str]]:
        with selectors.DefaultSelector() as selector:
            try:
                zygote.start(wire.SELF_TEST, b"", _SELF_TEST_SECONDS)
                selector.register(zygote, selectors.EVENT_READ)
                selector.select(10 * _SELF_TEST_SECONDS)
                endings = zygote.collect()
            except ZygoteDied as error:
                raise SandboxError(f"the zygote died in its self-test: {error}") from error
        for _, ending in endings:
            for tag, body in wire.frames(ending.data):
                if tag == wire.VALUE:
                    escapes, clocks = json.loads(body)
                    return escapes, clocks
        raise IsolationError(f"the self-test gave no answer: {endings}")
