"""Which run comes next: calls, their runs under several seeds, the shared lane and the audit. No processes here."""

import json
import random
import re
import zlib
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from abzero import literals
from abzero.errors import SandboxError
from abzero.sandbox import wire
from abzero.sandbox.base import Call, Nondeterministic, Outcome, Raised, Refused, Returned, Stopped
from abzero.sandbox.limits import Limits
from abzero.sandbox.parent import Ending
from abzero.sandbox.verdict import broken, outcome_of, results

AUDIT_SHARE = 0.01
_REMEMBERED = 4096
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True, eq=False)
class Check:
    """One distinct call on its way to an outcome."""

    call: Call
    seed: int
    """Index of the zygote that runs it next."""
    runs: int = 0
    alone: bool = False
    """Not fit for the lane, or doubted there."""
    hashing: bool = False
    failures: int = 0
    """How often our side failed it."""
    first: Returned | None = None
    outcome: Outcome | None = None
    audit: Outcome | None = None
    """What the lane said, while the same run is repeated alone."""


@dataclass(frozen=True, slots=True)
class Job:
    """One child's work."""

    seed: int
    verb: bytes
    request: bytes
    cpu_seconds: float
    checks: list[Check] = field(compare=False)


class Schedule:
    """The queue of one pool. `next` hands out jobs, `finished` and `failed` take them back."""

    def __init__(self, limits: Limits, seeds: int, rng: random.Random, lane_open: bool) -> None:
        self._limits, self._seeds, self._rng = limits, seeds, rng
        self.lane_open = lane_open
        self._checks: dict[Call, Check] = {}
        self._lanes: list[deque[Check]] = [deque() for _ in range(seeds)]
        self._alone: deque[Check] = deque()
        self._hung: OrderedDict[tuple[str, str | None], None] = OrderedDict()

    @property
    def waiting(self) -> bool:
        return bool(self._alone) or any(self._lanes)

    def add(self, calls: Iterable[Call]) -> None:
        """Queue `calls`, each distinct one once, those of one program side by side."""
        by_program: dict[str, list[Check]] = {}
        for call in calls:
            if call not in self._checks:
                home = zlib.crc32(call.program.encode("utf-8", "replace")) % 2
                check = self._checks[call] = Check(call, home)
                check.outcome = self._known(call)
                if check.outcome is None:
                    by_program.setdefault(call.program, []).append(check)
        fresh = [check for group in by_program.values() for check in group]
        if len(fresh) == 1:
            fresh[0].alone = True
        for check in fresh:
            self._queue(check)

    def take(self, calls: Sequence[Call]) -> list[Outcome]:
        """The outcomes of `calls`, all finished; forgets them."""
        outcomes = []
        for call in calls:
            outcome = self._checks[call].outcome
            assert outcome is not None
            outcomes.append(outcome)
        self._checks.clear()
        return outcomes

    def clear(self) -> None:
        self._checks.clear()
        self._alone.clear()
        for lane in self._lanes:
            lane.clear()

    def next(self) -> Job | None:
        """The next child's work: the longest lane first, since what it turns out may have to run alone."""
        seed = max(range(self._seeds), key=lambda index: len(self._lanes[index]))
        if lane := self._lanes[seed]:
            checks: list[Check] = []
            characters = 0
            share = -(-len(lane) // 2)
            while lane and len(checks) < min(self._limits.lane_calls, max(share, 8)):
                characters += len(lane[0].call.program) + len(lane[0].call.arguments)
                if checks and characters > self._limits.lane_characters:
                    break
                checks.append(lane.popleft())
            seconds = self._limits.lane_seconds + len(checks) * self._limits.lane_seconds_each
            return Job(seed, wire.SHARED, _request(checks), seconds, checks)
        if self._alone:
            check = self._alone.popleft()
            return Job(check.seed, wire.ALONE, _request([check]), self._limits.cpu_seconds, [check])
        return None

    def failed(self, job: Job) -> None:
        """The job's child never began, through no fault of a program. Raises `SandboxError` the second time."""
        for check in job.checks:
            check.failures += 1
            check.alone = True
            if check.failures > 1:
                raise SandboxError("the sandbox failed twice at one call, before the program ran")
            self._queue(check)

    def finished(self, job: Job, ending: Ending) -> None:
        found, locked, prepared = results(ending)
        if not locked:
            self.failed(job)
        elif job.verb == wire.SHARED:
            self._shared(job, found)
        else:
            [check] = job.checks
            if found:
                hashing, tag, body = found[0]
                check.hashing = check.hashing or hashing
                outcome = _outcome(check, tag, body)
            else:
                outcome = broken(ending)
            if outcome == Stopped("timeout"):
                self._remember(check.call.program, check.call.arguments if prepared else None)
            self._conclude(check, outcome)

    def _shared(self, job: Job, found: list[tuple[bool, bytes, bytes]]) -> None:
        for number, check in enumerate(job.checks):
            if number >= len(found):
                check.alone = check.alone or number == len(found)
                self._queue(check)
                continue
            hashing, tag, body = found[number]
            check.hashing = check.hashing or hashing
            if tag == wire.DOUBT:
                check.alone = True
                self._queue(check)
            elif self._rng.random() < AUDIT_SHARE:
                check.audit, check.alone = _outcome(check, tag, body), True
                self._queue(check)
            else:
                self._conclude(check, _outcome(check, tag, body))

    def _conclude(self, check: Check, outcome: Outcome) -> None:
        """Take in one run's outcome: it decides the call, or asks for a run under another seed."""
        if check.audit is not None:
            agreed, check.audit = check.audit == outcome, None
            if not agreed:
                self.lane_open = False
        check.runs += 1
        if not check.call.verify or not isinstance(outcome, Returned):
            unsteady = check.first is not None and isinstance(outcome, Raised)
            check.outcome = Nondeterministic() if unsteady else outcome
        elif check.first is None:
            check.first = outcome
            self._again(check)
        elif not literals.same_types(check.first.value, outcome.value):
            check.outcome = Nondeterministic()
        elif check.runs < (self._seeds if check.hashing else 2):
            self._again(check)
        else:
            check.outcome = check.first

    def _again(self, check: Check) -> None:
        check.seed = (check.seed + 1) % self._seeds
        self._queue(check)

    def _queue(self, check: Check) -> None:
        if self.lane_open and not check.alone:
            self._lanes[check.seed].append(check)
        else:
            self._alone.append(check)

    def _known(self, call: Call) -> Outcome | None:
        """The outcome that needs no run: text that no child should see, or a program that hung before."""
        limits = self._limits
        for what, text, most in (
            ("a program", call.program, limits.program_characters),
            ("arguments", call.arguments, limits.argument_characters),
        ):
            if len(text) > most:
                return Refused(f"{what} of {len(text)} characters, more than {most}")
            if "\0" in text or _LONE_SURROGATE.search(text):
                return Refused(f"{what} with a NUL character or a lone surrogate")
        if (call.program, None) in self._hung or (call.program, call.arguments) in self._hung:
            return Stopped("timeout")
        return None

    def _remember(self, program: str, arguments: str | None) -> None:
        self._hung[program, arguments] = None
        if len(self._hung) > _REMEMBERED:
            self._hung.popitem(last=False)


def _outcome(check: Check, tag: bytes, body: bytes) -> Outcome:
    return Nondeterministic() if tag == wire.ADDRESS and check.call.verify else outcome_of(tag, body)


def _request(checks: Sequence[Check]) -> bytes:
    """The calls as JSON, grouped where neighbours share a program."""
    groups: list[tuple[str, list[str]]] = []
    for check in checks:
        if not groups or groups[-1][0] != check.call.program:
            groups.append((check.call.program, []))
        groups[-1][1].append(check.call.arguments)
    return json.dumps(groups).encode()
