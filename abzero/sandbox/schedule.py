"""Which run comes next: the queue, the shared lane and its audit. No processes here."""

import json
import random
import re
import warnings
import zlib
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from abzero.errors import SandboxError
from abzero.sandbox import wire
from abzero.sandbox.base import Call, Outcome, Refused, Returned, Stopped
from abzero.sandbox.check import Check
from abzero.sandbox.limits import Limits
from abzero.sandbox.parent import Ending
from abzero.sandbox.verdict import Result, broken, outcome_of, results

AUDIT_SHARE = 0.01
_REMEMBERED = 4096
_WORTH_A_FORK = 32
"""Calls that wait in a lane before it goes ahead of calls alone; fewer wait for company while others run."""
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Job:
    """One child's work."""

    seed: int
    verb: bytes
    request: bytes
    cpu_seconds: float
    checks: list[Check] = field(compare=False)


class Schedule:
    """The queue of one pool. `next` hands out jobs; `finished` and `failed` take them back."""

    def __init__(self, limits: Limits, seeds: int, workers: int, rng: random.Random, lane_open: bool) -> None:
        self._limits, self._seeds, self._workers, self._rng = limits, seeds, workers, rng
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
        for check in fresh:
            check.alone = len(fresh) == 1
            self._queue(check)

    def take(self, calls: Sequence[Call]) -> list[Outcome]:
        """The outcomes of `calls`, all of them final; forgets them."""
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
        """The next child's work: a full lane, since what it turns out may have to run alone; then calls alone."""
        seed = max(range(self._seeds), key=lambda index: len(self._lanes[index]))
        if self._alone and len(self._lanes[seed]) < _WORTH_A_FORK:
            check = self._alone.popleft()
            return Job(check.seed, wire.ALONE, _request([check]), self._limits.cpu_seconds, [check])
        return self._shared_job(seed) if self._lanes[seed] else None

    def _shared_job(self, seed: int) -> Job:
        lane, limits = self._lanes[seed], self._limits
        most = min(limits.lane_calls, max(_WORTH_A_FORK, -(-len(lane) // self._workers)))
        checks = [lane.popleft()]
        room = limits.lane_characters - _size(checks[0])
        while lane and len(checks) < most and (room := room - _size(lane[0])) >= 0:
            checks.append(lane.popleft())
        seconds = limits.lane_seconds + len(checks) * limits.lane_seconds_each
        return Job(seed, wire.SHARED, _request(checks), seconds, checks)

    def failed(self, job: Job) -> None:
        """The job's child never began, through no fault of a program. Raises `SandboxError` the second time."""
        for check in job.checks:
            check.failures += 1
            if check.failures > 1:
                raise SandboxError("the sandbox failed twice at one call, before its program ran")
            check.alone = True
            self._queue(check)

    def finished(self, job: Job, ending: Ending) -> None:
        found, locked, prepared = results(ending)
        if not locked:
            self.failed(job)
        elif job.verb == wire.SHARED:
            self._finished_shared(job.checks, found)
        elif found:
            self._finished_alone(job.checks[0], found[0])
        else:
            [check] = job.checks
            outcome = broken(ending)
            if outcome == Stopped("timeout") and not ending.overdue:
                self._remember(check.call.program, check.call.arguments if prepared else None)
            check.waiting, check.outcome = False, outcome

    def _finished_shared(self, checks: Sequence[Check], found: Sequence[Result]) -> None:
        """Where a shared child ended early, that call must run alone; those after it get another shared one."""
        for number, check in enumerate(checks):
            reported = number < len(found)
            doubted = number == len(found) or (reported and found[number].tag == wire.DOUBT)
            check.alone = check.alone or doubted or not self.lane_open
            if not reported or check.alone:
                self._queue(check)
                continue
            check.shared = True
            if check.first is None and self._rng.random() < AUDIT_SHARE:
                check.audit = found[number]
                self._queue(check)
            else:
                self._conclude(check, found[number])

    def _finished_alone(self, check: Check, result: Result) -> None:
        lane, check.audit = check.audit, None
        if lane is not None and (lane.tag, lane.body) != (result.tag, result.body):
            if isinstance(outcome_of(result, verify=False), Returned):
                check.suspect = check.hashing = True
            elif result.tag in (wire.RAISED, wire.NO_LITERAL):
                self._close_lane()
        self._conclude(check, result)

    def _conclude(self, check: Check, result: Result) -> None:
        check.waiting = False
        if check.take(result, self._seeds):
            check.seed = (check.seed + 1) % self._seeds
            self._queue(check)
        elif check.suspect:
            check.shared = check.suspect = False
            self._close_lane()

    def _close_lane(self) -> None:
        """The lane gave a value that a program does not have: close it for good, and take back what came from it."""
        warnings.warn("the sandbox's shared lane gave a wrong value and is closed", RuntimeWarning, stacklevel=2)
        self.lane_open = False
        for lane in self._lanes:
            self._alone.extend(lane)
            lane.clear()
        for check in self._checks.values():
            if check.shared:
                check.forget()
                if not check.waiting:
                    self._queue(check)

    def _queue(self, check: Check) -> None:
        check.waiting = True
        if self.lane_open and not check.alone and check.audit is None and not check.suspect:
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


def _size(check: Check) -> int:
    return len(check.call.program) + len(check.call.arguments)


def _request(checks: Sequence[Check]) -> bytes:
    """The calls as JSON, grouped where neighbours share a program."""
    groups: list[tuple[str, list[str]]] = []
    for check in checks:
        if not groups or groups[-1][0] != check.call.program:
            groups.append((check.call.program, []))
        groups[-1][1].append(check.call.arguments)
    return json.dumps(groups).encode()
