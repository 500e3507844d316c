"""Which run comes next: the queue, the shared lane and its audit. No processes here."""

import random
import warnings
import zlib
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from abzero.errors import SandboxError
from abzero.sandbox import batches
from abzero.sandbox.base import Call, Outcome, Returned, Stopped
from abzero.sandbox.callstate import Check
from abzero.sandbox.child import wire
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.host import Ending
from abzero.sandbox.outcomes import Result, broken, cut_short, killed, outcome_of, results
from abzero.sandbox.precheck import Foreseen

AUDIT_SHARE = 0.01
_WORTH_A_FORK = 32
"""Calls for which a shared child is worth its 5 ms; to keep another processor busy takes twice as many for each."""
_FULL = 4 * _WORTH_A_FORK
"""Calls in a lane that go ahead of calls alone; fewer wait for company."""


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

    def __init__(
        self, limits: Limits, seeds: int, workers: int, alone_at_once: int, rng: random.Random, lane_open: bool
    ) -> None:
        self._limits, self._seeds, self._workers, self._rng = limits, seeds, workers, rng
        self._alone_at_once = alone_at_once
        self.lane_allowed = self.lane_open = lane_open
        self.lane_faults = 0
        self._checks: dict[Call, Check] = {}
        self._fresh: deque[Check] = deque()
        self._lanes: list[deque[Check]] = [deque() for _ in range(seeds)]
        self._audits: deque[Check] = deque()
        self._alone: deque[tuple[Check, int]] = deque()
        self._foreseen = Foreseen(limits)

    @property
    def waiting(self) -> bool:
        return bool(self._fresh or self._audits or self._alone) or any(self._lanes)

    def add(self, calls: Iterable[Call]) -> None:
        """Queue `calls`, each distinct one once, those of one program side by side, and those that run first under the
        same seed: what one child compiled is then a whole lot for the next. The lane is open, unless it never is.
        """
        self.lane_open = self.lane_allowed
        by_program: dict[str, list[Check]] = {}
        for call in calls:
            if call not in self._checks:
                home = zlib.crc32(call.program.encode("utf-8", "replace")) % 2
                check = self._checks[call] = Check(call, home)
                check.outcome = self._foreseen.outcome(call)
                if check.outcome is None:
                    by_program.setdefault(call.program, []).append(check)
        fresh = [check for group in by_program.values() for check in group]
        fresh.sort(key=lambda check: check.home)
        for check in fresh:
            check.alone = len(fresh) == 1 or self._limits.lane_calls == 1 or self._foreseen.barred(check.call)
            self._start(check, check.home)

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
        for queue in (self._fresh, self._audits, *self._lanes):
            queue.clear()

    def next(self, running: Collection[Job] = (), more_to_come: bool = False) -> Job | None:
        """The next child's work: compiling, since all else waits for it; a full lane of first and second runs, since
        what it turns out may have to run alone; calls alone; whatever those lanes hold, unless there is `more_to_come`
        soon; the other seeds, once nobody can add to them, late audits included; audits that found no shared child to
        begin. None if enough are `running`.
        """
        free = len(running) < self._workers
        lane = int(len(self._lanes[1]) > len(self._lanes[0]))
        if self._fresh:
            return self._compile(running) if free else None
        if len(self._lanes[lane]) >= _FULL:
            return self._share(lane, running) if free else None
        if self._alone:
            return self._lone() if len(running) < self._alone_at_once else None
        if not free or more_to_come:
            return None
        if not self._lanes[lane] and not any(map(_adds_to_lanes, running)):
            lane = max(range(self._seeds), key=lambda seed: len(self._lanes[seed]))
            self._audit_alone(only_hashing=bool(self._lanes[lane]))
            if self._alone:
                return self._lone()
        return self._share(lane, running) if self._lanes[lane] else None

    def _compile(self, running: Collection[Job]) -> Job:
        compiling = sum(len(job.checks) for job in running if job.verb == wire.COMPILE)
        waiting = compiling + len(self._fresh)
        share = self._even_share(waiting, 2 * _WORTH_A_FORK, self._workers)
        home, near = self._fresh[0].home, islice(self._fresh, min(share + _WORTH_A_FORK, self._limits.lane_calls))
        of_home = sum(check.home == home for check in near)
        checks = self._lot(self._fresh, of_home if abs(of_home - share) < _WORTH_A_FORK else share)
        seconds = self._seconds(checks, self._limits.compile_seconds_each)
        return Job(self._seeds - 1, wire.COMPILE, batches.as_text(checks), seconds, checks)

    def _lone(self) -> Job:
        check, seed = self._alone.popleft()
        return Job(seed, wire.ALONE, batches.alone(check), self._limits.cpu_seconds * check.call.time_share, [check])

    def _share(self, seed: int, running: Collection[Job]) -> Job:
        """A lot for a shared child, which an audit begins if one waits for a child of this seed."""
        lane = self._lanes[seed]
        only = sum(map(len, self._lanes)) == len(lane)
        adding = any(map(_adds_to_lanes, running))
        workers = self._workers - sum(adding or (job.verb, job.seed) == (wire.SHARED, seed) for job in running)
        checks = self._lot(lane, self._even_share(len(lane), _FULL, workers) if only else self._limits.lane_calls)
        seconds = self._seconds(checks, self._limits.lane_seconds_each)
        audited = [check for check in self._audits if check.home != seed and (seed < 2 or not check.hashing)][:1]
        for check in audited:
            self._audits.remove(check)
        return Job(seed, wire.SHARED, batches.as_text(audited) + batches.as_code(checks), seconds, audited + checks)

    def _audit_alone(self, only_hashing: bool) -> None:
        """Wait no longer for shared children that an audit could begin."""
        going = [check for check in self._audits if check.hashing or not only_hashing]
        for check in going:
            self._audits.remove(check)
        self._alone.extend((check, check.second) for check in going)

    def _even_share(self, waiting: int, least: int, workers: int) -> int:
        """Of what is `waiting`, by as few children as it takes, or as many as there are workers while each gets its
        `least`.
        """
        children = max(-(-waiting // self._limits.lane_calls), min(workers, waiting // least), 1)
        return -(-waiting // children)

    def _lot(self, queue: deque[Check], most: int) -> list[Check]:
        checks: list[Check] = []
        room = self._limits.lane_characters
        while queue and len(checks) < most and ((room := room - batches.size(queue[0])) >= 0 or not checks):
            checks.append(queue.popleft())
        return checks

    def _seconds(self, checks: Sequence[Check], each: float) -> float:
        return self._limits.lane_seconds + len(checks) * each

    def failed(self, job: Job) -> None:
        """The job's child never began, through no fault of a program. Raises `SandboxError` the second time."""
        for check in job.checks:
            check.failures += 1
            if check.failures > 1:
                raise SandboxError("the sandbox failed twice at one call, before its program ran")
            check.alone = True
            self._queue(check, check.home if job.verb == wire.COMPILE else job.seed)

    def finished(self, job: Job, ending: Ending) -> None:
        found, locked, prepared = results(ending)
        if not locked:
            self.failed(job)
        elif job.verb == wire.COMPILE:
            self._finished_together(job, batches.compiled(job.checks, found), ending)
        elif job.verb == wire.SHARED:
            self._finished_together(job, found, ending)
        elif found:
            self._finished_alone(job.checks[0], job.seed, found[0])
        elif killed(ending) and not job.checks[0].killed:
            job.checks[0].killed = True
            self._queue(job.checks[0], job.seed)
        else:
            [check] = job.checks
            outcome = broken(ending)
            if outcome == Stopped("timeout") and not ending.overdue:
                self._foreseen.remember_hanging(check.call, in_its_call=prepared)
            self._conclude(check, job.seed, outcome)

    def _finished_together(self, job: Job, found: Sequence[Result], ending: Ending) -> None:
        """Where a shared child ended early, that call must run alone, unless the child had only no more room for its
        report; those after it get another shared one.
        """
        innocent = bool(found) and cut_short(ending)
        for number, check in enumerate(job.checks):
            seed = check.home if job.verb == wire.COMPILE else job.seed
            reported = number < len(found)
            doubted = (number == len(found) and not innocent) or (reported and found[number].tag == wire.DOUBT)
            check.alone = check.alone or doubted or not self.lane_open
            if not reported or check.alone:
                self._queue(check, seed)
            elif job.verb == wire.COMPILE and found[number].tag in batches.CALLS:
                check.hashing = found[number].hashing
                self._queue(check, seed)
            elif check.audit is not None:
                self._audited(check, seed, found[number])
            else:
                check.before = check.before or job.checks[: number + 1]
                self._reported(check, seed, found[number])

    def _reported(self, check: Check, seed: int, result: Result) -> None:
        """Take in what a shared child said of `check`, or have it audited first."""
        check.shared = True
        if check.first is not None or self._rng.random() >= AUDIT_SHARE:
            self._conclude(check, seed, result)
            return
        check.audit = result
        if check.hashing:
            self._audits.appendleft(check)
        else:
            self._audits.append(check)

    def _audited(self, check: Check, seed: int, result: Result) -> None:
        """Take in what a child said whose first call this was. If the lane said something else, the lane's very run
        decides, repeated alone.
        """
        lane = check.audit
        if lane is None or (lane.tag, lane.body) != (result.tag, result.body):
            self._queue(check, check.home)
            return
        check.audit, check.second = None, seed
        check.pending += 1
        self._conclude(check, check.home, lane)
        self._conclude(check, seed, result)

    def _finished_alone(self, check: Check, seed: int, result: Result) -> None:
        if check.audit is not None and seed != check.home:
            self._audited(check, seed, result)
            return
        lane, check.audit = check.audit, None
        if lane is not None and (lane.tag, lane.body) != (result.tag, result.body):
            if isinstance(outcome_of(result, verify=False), Returned):
                check.suspect = check.hashing = True
            elif result.tag in (wire.RAISED, wire.NO_LITERAL):
                self._close_lane(check)
        self._conclude(check, seed, result)

    def _conclude(self, check: Check, seed: int, result: Result | Outcome) -> None:
        for other in check.take(seed, result, self._seeds):
            self._start(check, other)
        if not check.pending:
            check.program_frame = check.call_frame = b""
        if check.suspect and not check.pending:
            check.shared = check.suspect = False
            self._close_lane(check)

    def _close_lane(self, wronged: Check) -> None:
        """The lane gave a value that a program does not have: take back what came from it, run the rest of the batch
        alone, and keep out for good what ran before `wronged`. Others may share again, or models had a brake to pull.
        """
        warnings.warn("the shared lane gave a wrong value and is closed for now", RuntimeWarning, stacklevel=2)
        self.lane_faults += 1
        self._foreseen.bar(check.call.program for check in wronged.before)
        self.lane_open = False
        self._alone.extend((check, check.home) for check in self._fresh)
        self._fresh.clear()
        for seed, lane in enumerate(self._lanes):
            self._alone.extend((check, seed) for check in lane)
            lane.clear()
        for check in self._checks.values():
            if check.shared:
                check.forget()
                if not check.pending:
                    self._start(check, check.home)

    def _start(self, check: Check, seed: int) -> None:
        check.pending += 1
        self._queue(check, seed)

    def _queue(self, check: Check, seed: int) -> None:
        if not self.lane_open or check.alone or check.audit is not None or check.suspect:
            self._alone.append((check, seed))
        elif check.call_frame:
            self._lanes[seed].append(check)
        else:
            self._fresh.append(check)


def _adds_to_lanes(job: Job) -> bool:
    """Whether what comes of `job` can have more to run in the lanes of other seeds."""
    return job.verb == wire.COMPILE or any(
        check.first is None and not check.alone and (check.audit is None or check.hashing) for check in job.checks
    )
