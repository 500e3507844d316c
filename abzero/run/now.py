"""What a run does at this moment: a small file beside the journal, which a reader may miss without harm.

A step is one transaction of the journal, so nothing of it can be seen there before it is done. This file is written
anew as a phase begins, and not more than four times a second while rollouts come to their end. It is not synced, and a
disk that refuses it does not end a run.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from abzero.types import Step

NAME = "now.json"
_PAUSE = 0.25
"""Seconds between two notes of the same phase."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is under way: `done` of `count` rollouts, programs or experiences of a phase."""

    step: int
    phase: str = ""
    """Empty between two phases."""
    done: int = 0
    count: int = 0
    since: float = 0.0
    """When the phase began, by the clock of `Now`."""


class Now:
    """Owns the file: which step is under way, which phase, how many of how many rollouts, and what the phases took."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = folder / NAME
        self._partial = folder / f".{NAME}"
        self._clock = clock
        self._written = 0.0
        self.step(0)

    def step(self, number: int) -> None:
        """Step `number` is under way; 0 is the seeding."""
        self._step = number
        self._phase, self._count, self._done = "", 0, 0
        self._since = self._clock()
        self._took: dict[str, float] = {}

    def moment(self) -> Moment:
        """What is under way now."""
        return Moment(self._step, self._phase, self._done, self._count, self._since)

    def begun(self, phase: str, count: int) -> None:
        """A phase begins, of `count` rollouts, programs or experiences."""
        now = self._clock()
        if self._phase:
            self._took[self._phase] = self._took.get(self._phase, 0.0) + now - self._since
        self._phase, self._count, self._done, self._since = phase, count, 0, now
        self._note(now)

    def done(self, count: int) -> None:
        """`count` more of the phase's rollouts have come to their end."""
        self._done = min(self._done + count, self._count)
        now = self._clock()
        if now - self._written >= _PAUSE:
            self._note(now)

    def observe(self, step: Step) -> None:
        """A step is in the journal, and the next one is under way."""
        self.step(step.number + 1)

    def close(self) -> None:
        """Nothing is under way any more."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _note(self, now: float) -> None:
        self._written = now
        about = {"step": self._step, "phase": self._phase, "done": self._done, "count": self._count}
        times = {"since": round(self._since, 3), "took": {name: round(t, 3) for name, t in self._took.items()}}
        with suppress(OSError):
            self._partial.unlink(missing_ok=True)
            with self._partial.open("x", encoding="ascii") as file:
                json.dump({**about, **times}, file)
            os.replace(self._partial, self._path)
