"""What a display remembers of a run."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence

from abzero.types import Alarm, Proposal, Step

SPAN = 10
"""Steps at the beginning and at the end that the summary compares, and over which speed is averaged."""


class Memory:
    """What a display remembers of a run: its first and its last steps' figures, its last alarms."""

    def __init__(self) -> None:
        self.first: list[Mapping[str, float]] = []
        self.last: deque[Mapping[str, float]] = deque(maxlen=SPAN)
        self.seconds: deque[float] = deque(maxlen=SPAN)
        self.scores: dict[str, deque[float]] = {}
        self.alarms: deque[Alarm] = deque(maxlen=3)
        self.alarm_count = 0
        self.count = 0
        self.step: Step | None = None
        self.task: tuple[int, Proposal] | None = None
        self.last_number = 0
        """Of the newest step, of an earlier session if there was none in this one."""
        self.spent: Counter[str] = Counter()
        """Seconds by phase, over the whole run."""

    def add(self, step: Step) -> None:
        """Note a step's alarms and, unless it is the seeding, its figures."""
        self.alarms.extend(step.alarms)
        self.alarm_count += len(step.alarms)
        self.spend(step.clock)
        if step.number == 0:
            return
        self.figures(step.metrics)
        self.seconds.append(step.clock.get("seconds/step", 0.0))
        self.step = step
        self.last_number = step.number
        chosen = interesting(step)
        self.task = (step.number, chosen) if chosen else self.task

    def figures(self, metrics: Mapping[str, float]) -> None:
        """Note the figures of a step of self-play."""
        if len(self.first) < SPAN:
            self.first.append(metrics)
        self.last.append(metrics)
        for mode, score in by_mode(metrics, "solve/score/").items():
            self.scores.setdefault(mode, deque(maxlen=24)).append(score)
        self.count += 1

    def spend(self, clock: Mapping[str, float]) -> None:
        """Add up where the time went."""
        self.spent.update({name: value for name, value in clock.items() if name.startswith("seconds/")})

    def seconds_left(self, total: int) -> float | None:
        if not self.step or not sum(self.seconds):
            return None
        return (total - self.step.number) * sum(self.seconds) / len(self.seconds)


def recalled(metrics: Sequence[Mapping[str, float]], alarms: int, clock: Mapping[str, float], last: int) -> Memory:
    """What a display would remember had it seen the run from its beginning: its steps' metrics, the number of its
    alarms, its seconds by phase, its last step.
    """
    memory = Memory()
    for row in metrics:
        memory.figures(row)
    memory.alarm_count, memory.last_number = alarms, last
    memory.spend(clock)
    return memory


def interesting(step: Step) -> Proposal | None:
    """The hardest learnable proposal of `step`."""
    learnable = [p for p in step.proposals if p.task and p.solve_rate is not None and 0.0 < p.solve_rate < 1.0]
    return min(learnable, key=lambda proposal: proposal.solve_rate or 0.0, default=None)


def by_mode(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {name.removeprefix(prefix): value for name, value in sorted(metrics.items()) if name.startswith(prefix)}
