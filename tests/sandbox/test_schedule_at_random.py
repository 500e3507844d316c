"""The queue against children that do anything, in any order: nothing is lost, swapped, or run too seldom."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from abzero.sandbox.base import Call, Raised, Returned, Stopped
from abzero.sandbox.child import wire
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.schedule import Job, Schedule
from tests.sandbox.test_schedule import SEEDS, calls_of, ended, frame

KINDS = {"value": 10, "hashing": 3, "raising": 2, "doubted": 1, "crashing": 1}
SIGNALLED, FULL, KILLED = 11, wire.CUT_SHORT << 8, 9


@dataclass
class Children:
    """What calls do, by program and arguments, and how often each ran."""

    rng: random.Random
    kinds: dict[tuple[str, str], str]
    runs: Counter[tuple[str, str]] = field(default_factory=Counter)

    def ending(self, job: Job):
        frames = self._compiled(job) if job.verb == wire.COMPILE else [self._ran(job, call) for call in calls_of(job)]
        whole = frames.index(b"") if b"" in frames else len(frames)
        if job.verb != wire.ISOLATED and self.rng.random() < 0.1:
            return ended(*frames[: self.rng.randrange(whole + 1)], status=self.rng.choice([SIGNALLED, FULL, KILLED]))
        return ended(*frames[:whole], status=SIGNALLED if whole < len(frames) else 0)

    def _compiled(self, job: Job) -> list[bytes]:
        frames = []
        for tag, body in wire.frames(job.request):
            if tag == wire.SOURCE:
                hashing = any(
                    kind == "hashing" for (program, _), kind in self.kinds.items() if program == body.decode()
                )
                frames.append(frame(wire.HASHING) * hashing + frame(wire.CODE, body.decode()))
            else:
                frames.append(frame(wire.CALL, body.decode()))
        return frames

    def _ran(self, job: Job, call: tuple[str, str]) -> bytes:
        self.runs[call] += 1
        match self.kinds[call], job.verb:
            case "raising", _:
                return frame(wire.RAISED, "KeyError")
            case "crashing", _:
                return b""
            case "doubted", wire.SHARED:
                return frame(wire.DOUBT)
            case "hashing", wire.ISOLATED:
                return frame(wire.HASHING) + frame(wire.VALUE, call[1])
        return frame(wire.VALUE, call[1])


@pytest.mark.parametrize("seed", range(200))
def test_every_call_gets_its_outcome_whatever_becomes_of_its_children(seed, monkeypatch):
    rng = random.Random(seed)
    monkeypatch.setattr("abzero.sandbox.schedule.AUDIT_SHARE", rng.choice([0.0, 0.01, 0.3, 1.0]))
    workers, count = rng.choice([1, 2, 5]), rng.choice([1, 2, 10, 60, 150])
    queue = Schedule(Limits(batch_calls=rng.choice([3, 20, 400])), SEEDS, workers, 8, random.Random(seed), sharing=True)
    calls = [Call(f"p{n % max(1, count // 2)}", str(n), rng.random() < 0.7) for n in range(count)]
    kinds = rng.choices(list(KINDS), list(KINDS.values()), k=count)
    children = Children(rng, {(c.program, c.arguments): kind for c, kind in zip(calls, kinds, strict=True)})
    queue.add(calls)
    running: list[Job] = []
    failed: set[int] = set()
    while queue.waiting or running:
        while job := queue.next(running):
            running.append(job)
        job = running.pop(rng.randrange(len(running)))
        if rng.random() < 0.05 and failed.isdisjoint(map(id, job.states)):
            failed.update(map(id, job.states))
            queue.failed(job)
        else:
            queue.finished(job, children.ending(job))
    expected = {"raising": Raised("KeyError"), "crashing": Stopped("crashed")}
    for call, kind, outcome in zip(calls, kinds, queue.take(calls), strict=True):
        assert outcome == expected.get(kind, Returned(call.arguments))
        if call.verify and kind in ("value", "hashing", "doubted"):
            assert children.runs[call.program, call.arguments] >= (SEEDS if kind == "hashing" else 2)
    assert queue.sharing
