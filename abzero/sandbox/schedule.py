"""Which run comes next: the queue, shared children and their audit. No processes here."""

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
from abzero.sandbox.callstate import CallState
from abzero.sandbox.child import wire
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.host import Ending
from abzero.sandbox.outcomes import Result, broken, cut_short, killed, outcome_of, results
from abzero.sandbox.precheck import Precheck

AUDIT_SHARE = 0.01
_WORTH_A_FORK = 32
"""Calls for which a shared child is worth its 5 ms; to keep another processor busy takes twice as many for each."""
_FULL = 4 * _WORTH_A_FORK
"""Calls for a shared child that go ahead of isolated ones; fewer wait for company."""


@dataclass(frozen=True, slots=True)
class Job:
    """One child's work."""

    seed: int
    verb: bytes
    request: bytes
    cpu_seconds: float
    states: list[CallState] = field(compare=False)


class Schedule:
    """The queue of one pool. `next` hands out jobs; `finished` and `failed` take them back."""

    def __init__(
        self, limits: Limits, seeds: int, workers: int, isolated_at_once: int, rng: random.Random, sharing: bool
    ) -> None:
        self._limits, self._seeds, self._workers, self._rng = limits, seeds, workers, rng
        self._isolated_at_once, self.sharing_faults = isolated_at_once, 0
        self.may_share = self.sharing = sharing
        self._states: dict[Call, CallState] = {}
        self._fresh: deque[CallState] = deque()
        self._shared: list[deque[CallState]] = [deque() for _ in range(seeds)]
        self._audits: deque[CallState] = deque()
        self._isolated: deque[tuple[CallState, int]] = deque()
        self._precheck = Precheck(limits)

    @property
    def waiting(self) -> bool:
        return bool(self._fresh or self._audits or self._isolated) or any(self._shared)

    def add(self, calls: Iterable[Call]) -> None:
        """Queue `calls`, each distinct one once, those of one program side by side, and those that run first under the
        same seed: what one child compiled is then a whole batch for the next. Sharing begins anew, if it may.
        """
        self.sharing = self.may_share
        by_program: dict[str, list[CallState]] = {}
        for call in calls:
            if call not in self._states:
                first_seed = zlib.crc32(call.program.encode("utf-8", "replace")) % 2
                state = self._states[call] = CallState(call, first_seed)
                state.outcome = self._precheck.outcome(call)
                if state.outcome is None:
                    by_program.setdefault(call.program, []).append(state)
        fresh = [state for group in by_program.values() for state in group]
        fresh.sort(key=lambda state: state.first_seed)
        for state in fresh:
            state.isolated = len(fresh) == 1 or self._limits.batch_calls == 1 or self._precheck.barred(state.call)
            self._start(state, state.first_seed)

    def take(self, calls: Sequence[Call]) -> list[Outcome]:
        """The outcomes of `calls`, all of them final; forgets them."""
        outcomes = []
        for call in calls:
            outcome = self._states[call].outcome
            assert outcome is not None
            outcomes.append(outcome)
        self._states.clear()
        return outcomes

    def clear(self) -> None:
        self._states.clear()
        self._isolated.clear()
        for queue in (self._fresh, self._audits, *self._shared):
            queue.clear()

    def next(self, running: Collection[Job] = (), more_to_come: bool = False) -> Job | None:
        """The next child's work: compiling, since all else waits for it; a full batch of first and second runs,
        since what it turns out may have to be isolated; isolated calls; smaller batches of those, unless there is
        `more_to_come` soon; the other seeds, once nobody can add to them, late audits included; audits that found no
        shared child to begin. None if enough are `running`.
        """
        free = len(running) < self._workers
        seed = int(len(self._shared[1]) > len(self._shared[0]))
        if self._fresh:
            return self._compile(running) if free else None
        if len(self._shared[seed]) >= _FULL:
            return self._share(seed, running) if free else None
        if self._isolated:
            return self._next_isolated() if len(running) < self._isolated_at_once else None
        if not free or more_to_come:
            return None
        if not self._shared[seed] and not any(map(_adds_shared_work, running)):
            seed = max(range(self._seeds), key=lambda other: len(self._shared[other]))
            self._audit_isolated(only_hashing=bool(self._shared[seed]))
            if self._isolated:
                return self._next_isolated()
        return self._share(seed, running) if self._shared[seed] else None

    def _compile(self, running: Collection[Job]) -> Job:
        compiling = sum(len(job.states) for job in running if job.verb == wire.COMPILE)
        waiting = compiling + len(self._fresh)
        share = self._even_share(waiting, 2 * _WORTH_A_FORK, self._workers)
        first_seed = self._fresh[0].first_seed
        near = islice(self._fresh, min(share + _WORTH_A_FORK, self._limits.batch_calls))
        of_seed = sum(state.first_seed == first_seed for state in near)
        states = self._batch(self._fresh, of_seed if abs(of_seed - share) < _WORTH_A_FORK else share)
        seconds = self._seconds(states, self._limits.compile_seconds_each)
        return Job(self._seeds - 1, wire.COMPILE, batches.as_text(states), seconds, states)

    def _next_isolated(self) -> Job:
        state, seed = self._isolated.popleft()
        seconds = self._limits.cpu_seconds * state.call.time_share
        return Job(seed, wire.ISOLATED, batches.isolated(state), seconds, [state])

    def _share(self, seed: int, running: Collection[Job]) -> Job:
        """A batch for a shared child, which an audit begins if one waits for a child of this seed."""
        queue = self._shared[seed]
        only = sum(map(len, self._shared)) == len(queue)
        adding = any(map(_adds_shared_work, running))
        workers = self._workers - sum(adding or (job.verb, job.seed) == (wire.SHARED, seed) for job in running)
        states = self._batch(queue, self._even_share(len(queue), _FULL, workers) if only else self._limits.batch_calls)
        seconds = self._seconds(states, self._limits.batch_seconds_each)
        audited = [state for state in self._audits if state.first_seed != seed and (seed < 2 or not state.hashing)][:1]
        for state in audited:
            self._audits.remove(state)
        return Job(seed, wire.SHARED, batches.as_text(audited) + batches.as_code(states), seconds, audited + states)

    def _audit_isolated(self, only_hashing: bool) -> None:
        """Wait no longer for shared children that an audit could begin."""
        going = [state for state in self._audits if state.hashing or not only_hashing]
        for state in going:
            self._audits.remove(state)
        self._isolated.extend((state, state.second_seed) for state in going)

    def _even_share(self, waiting: int, least: int, workers: int) -> int:
        """Of what is `waiting`, by as few children as it takes, or as many as there are workers while each gets its
        `least`.
        """
        children = max(-(-waiting // self._limits.batch_calls), min(workers, waiting // least), 1)
        return -(-waiting // children)

    def _batch(self, queue: deque[CallState], most: int) -> list[CallState]:
        states: list[CallState] = []
        left = self._limits.batch_characters
        while queue and len(states) < most and ((left := left - batches.size(queue[0])) >= 0 or not states):
            states.append(queue.popleft())
        return states

    def _seconds(self, states: Sequence[CallState], each: float) -> float:
        return self._limits.batch_seconds + len(states) * each

    def failed(self, job: Job) -> None:
        """The job's child never began, through no fault of a program. Raises `SandboxError` the second time."""
        for state in job.states:
            state.failures += 1
            if state.failures > 1:
                raise SandboxError("the sandbox failed twice at one call, before its program ran")
            state.isolated = True
            self._queue(state, state.first_seed if job.verb == wire.COMPILE else job.seed)

    def finished(self, job: Job, ending: Ending) -> None:
        found, locked, prepared = results(ending)
        if not locked:
            self.failed(job)
        elif job.verb == wire.COMPILE:
            self._finished_together(job, batches.compiled(job.states, found), ending)
        elif job.verb == wire.SHARED:
            self._finished_together(job, found, ending)
        elif found:
            self._finished_isolated(job.states[0], job.seed, found[0])
        elif killed(ending) and not job.states[0].killed:
            job.states[0].killed = True
            self._queue(job.states[0], job.seed)
        else:
            [state] = job.states
            outcome = broken(ending)
            if outcome == Stopped("timeout") and not ending.overdue:
                self._precheck.remember_hanging(state.call, in_its_call=prepared)
            self._conclude(state, job.seed, outcome)

    def _finished_together(self, job: Job, found: Sequence[Result], ending: Ending) -> None:
        """Where a shared child ended early, that call must be isolated, unless the child had only no more room
        for its report; those after it get another shared one.
        """
        innocent = bool(found) and cut_short(ending)
        for number, state in enumerate(job.states):
            seed = state.first_seed if job.verb == wire.COMPILE else job.seed
            reported = number < len(found)
            doubted = (number == len(found) and not innocent) or (reported and found[number].tag == wire.DOUBT)
            state.isolated = state.isolated or doubted or not self.sharing
            if not reported or state.isolated:
                self._queue(state, seed)
            elif job.verb == wire.COMPILE and found[number].tag in batches.CALLS:
                state.hashing = found[number].hashing
                self._queue(state, seed)
            elif state.audit is not None:
                self._audited(state, seed, found[number])
            else:
                state.before = state.before or job.states[: number + 1]
                self._reported(state, seed, found[number])

    def _reported(self, state: CallState, seed: int, result: Result) -> None:
        """Take in what a shared child said of `state`, or have it audited first."""
        state.shared = True
        if state.first is not None or self._rng.random() >= AUDIT_SHARE:
            self._conclude(state, seed, result)
            return
        state.audit = result
        if state.hashing:
            self._audits.appendleft(state)
        else:
            self._audits.append(state)

    def _audited(self, state: CallState, seed: int, result: Result) -> None:
        """Take in what a child said whose first call this was. If the shared child said something else, that very run
        decides, repeated in isolation.
        """
        shared = state.audit
        if shared is None or (shared.tag, shared.body) != (result.tag, result.body):
            self._queue(state, state.first_seed)
            return
        state.audit, state.second_seed = None, seed
        state.pending += 1
        self._conclude(state, state.first_seed, shared)
        self._conclude(state, seed, result)

    def _finished_isolated(self, state: CallState, seed: int, result: Result) -> None:
        if state.audit is not None and seed != state.first_seed:
            self._audited(state, seed, result)
            return
        shared, state.audit = state.audit, None
        if shared is not None and (shared.tag, shared.body) != (result.tag, result.body):
            if isinstance(outcome_of(result, verify=False), Returned):
                state.suspect = state.hashing = True
            elif result.tag in (wire.RAISED, wire.NO_LITERAL):
                self._stop_sharing(state)
        self._conclude(state, seed, result)

    def _conclude(self, state: CallState, seed: int, result: Result | Outcome) -> None:
        for other in state.take(seed, result, self._seeds):
            self._start(state, other)
        if not state.pending:
            state.program_frame = state.call_frame = b""
        if state.suspect and not state.pending:
            state.shared = state.suspect = False
            self._stop_sharing(state)

    def _stop_sharing(self, wronged: CallState) -> None:
        """A shared child gave a wrong value: isolate the rest, take back the others, and bar what ran before it."""
        warnings.warn("a shared child gave a wrong value: for now all calls are isolated", RuntimeWarning, stacklevel=2)
        self.sharing_faults += 1
        self._precheck.bar(state.call.program for state in wronged.before)
        self.sharing = False
        self._isolated.extend((state, state.first_seed) for state in self._fresh)
        self._fresh.clear()
        for seed, queue in enumerate(self._shared):
            self._isolated.extend((state, seed) for state in queue)
            queue.clear()
        for state in self._states.values():
            if state.shared:
                state.forget()
                if not state.pending:
                    self._start(state, state.first_seed)

    def _start(self, state: CallState, seed: int) -> None:
        state.pending += 1
        self._queue(state, seed)

    def _queue(self, state: CallState, seed: int) -> None:
        if not self.sharing or state.isolated or state.audit is not None or state.suspect:
            self._isolated.append((state, seed))
        elif state.call_frame:
            self._shared[seed].append(state)
        else:
            self._fresh.append(state)


def _adds_shared_work(job: Job) -> bool:
    """Whether what comes of `job` can have more to run in shared children of other seeds."""
    return job.verb == wire.COMPILE or any(
        state.first is None and not state.isolated and (state.audit is None or state.hashing) for state in job.states
    )
