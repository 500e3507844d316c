"""Oversight of one run: reads each step before it is journalled, keeps the record, and may ask for a person.

Nothing here changes what is learned: the step's experiences have been used when `annotate` first sees them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from abzero.errors import Pause
from abzero.oversight import canaries, drift
from abzero.oversight.chain import Chain
from abzero.oversight.gate import Mode, entry_of, rings
from abzero.oversight.reading import Monitor, Reading, readings
from abzero.types import Alarm, Finding, Step

NAMED = 3
"""Findings that an alarm names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A monitor in use, with what proves that it is alive."""

    number: int
    monitor: Monitor
    canaries: Sequence[Reading]
    expected: float = 1.0
    """The share of its canaries that it must find."""

    @property
    def name(self) -> str:
        return f"t{self.number}"


@dataclass
class Oversight:
    """Owns the record of a run while it is worked on."""

    tiers: Sequence[Tier]
    chain: Chain
    mode: Mode
    severity: int
    """Least severity that alerts or pauses."""
    clock: Callable[[], float]
    """A monotonic clock, in seconds."""
    history: Iterable[Mapping[str, float]] = ()
    """The figures of the steps before, where a run is resumed."""
    every: int = 10
    """Steps between two looks at the canaries; step 0 has one."""
    _drift: Callable[[int, Mapping[str, float]], tuple[Alarm, ...]] = field(init=False)
    _heard: bool = field(init=False, default=False)
    _deaf: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._drift = drift.drift_alarms(self.history)

    def annotate(self, step: Step) -> Step:
        """`step` with its findings, figures and alarms; what was sampled, rewarded and learned stays as it is.

        The record has them before the journal: if they cannot be recorded, the step is not taken (`RunError`).
        """
        begun = self.clock()
        read = readings(step)
        found = inspect(self.tiers, read)
        rollouts = [row.rollout for row in step.proposals] + [row.rollout for row in step.attempts]
        lengths = [len(rollout.tokens) for rollout in rollouts]
        figures = drift.figures(read, found, lengths)
        alarms = [*self._listen(step.number, figures), *self._drift(step.number, {**step.metrics, **figures})]
        if self.mode != "log" and (ringing := [one for one in found if rings(one, self.severity)]):
            alarms.append(Alarm(step.number, "oversight", _words(ringing)))
        if found:
            where = {(str(one.role), one.position): one for one in read}
            self.chain.append("finding", entry_of(step.number, found, where, self.mode, self.severity))
        return replace(
            step,
            findings=(*step.findings, *found),
            alarms=(*step.alarms, *alarms),
            metrics={**step.metrics, **figures},
            clock={**step.clock, "seconds/oversight": self.clock() - begun},
        )

    def gate(self, step: Step) -> None:
        """Raise `Pause` if a finding of the journalled step waits for a person."""
        ringing = [one for one in step.findings if rings(one, self.severity)]
        if self.mode == "pause" and ringing:
            raise Pause(f"oversight: {_words(ringing)}")

    def _listen(self, step: int, figures: dict[str, float]) -> list[Alarm]:
        """Put the canaries through the monitors: on every `every`-th step, and on the first of this process, of which
        no figure tells: a resumed run has the same ones.
        """
        due = step % self.every == 0
        if self._heard and not due:
            return []
        self._heard = True
        recalls = {tier.name: canaries.recall(tier.monitor, tier.canaries) for tier in self.tiers}
        figures.update({f"oversight/canary/{name}": share for name, share in recalls.items() if due})
        found = canaries.deaf(recalls, {tier.name: tier.expected for tier in self.tiers})
        new = [Alarm(step, name, words) for name, words in found.items() if name not in self._deaf]
        self._deaf = set(found)
        return new


def inspect(tiers: Sequence[Tier], read: Sequence[Reading]) -> list[Finding]:
    """What all monitors find, in the order of the readings and then of the tiers: the same whoever asks, and when."""
    found = [finding for tier in tiers for finding in tier.monitor(read)]
    order = {"propose": 0, "solve": 1}
    return sorted(found, key=lambda one: (order[one.role], one.position, one.tier, one.part, one.begin, one.source))


def _words(found: Sequence[Finding]) -> str:
    named = [
        f"{one.category} (severity {one.severity}) in the {one.part} of {one.role} {one.position}"
        for one in found[:NAMED]
    ]
    rest = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{'; '.join(named)}{rest}: read it with `abzero oversight review RUN`, whole, before the run goes on"
