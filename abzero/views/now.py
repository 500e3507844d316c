"""What the running step is at, from the small file that a run overwrites as it goes on."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from abzero.views.run_folders import ServedRun

FILE = "now.json"
_LARGEST = 4_096
PHASES = ("propose", "estimate", "solve", "update")
"""In the order of a step; the sandbox belongs to the one before it."""


@dataclass(frozen=True, slots=True)
class PhaseUnderWay:
    """A phase of a step that is not committed yet."""

    step: int
    phase: str
    done: int
    count: int
    """Rollouts, programs or experiences that the phase is of; 0 where that is not known."""
    seconds: float
    """Since the phase began."""
    took: dict[str, float]
    """Seconds of the phases before it."""

    @property
    def reached(self) -> int:
        """The place of the phase among `PHASES`."""
        if self.phase in PHASES:
            return PHASES.index(self.phase)
        return max((place for place, name in enumerate(PHASES) if name in self.took), default=0)


def moment(run: ServedRun, clock: Callable[[], float] = time.time) -> PhaseUnderWay | None:
    """What a running run says it is at; ``None`` where it says nothing that can be read."""
    try:
        row = json.loads(run.file(FILE, _LARGEST) or b"")
        step, phase, done, count = (row[name] for name in ("step", "phase", "done", "count"))
        took = {str(name): float(spent) for name, spent in row["took"].items() if math.isfinite(spent)}
        seconds = clock() - float(row["since"])
        whole = all(isinstance(number, int) and 0 <= number < 1 << 53 for number in (step, done, count))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None
    if not whole or not isinstance(phase, str) or not math.isfinite(seconds):
        return None
    return PhaseUnderWay(step, phase, min(done, count), count, max(seconds, 0.0), took)
