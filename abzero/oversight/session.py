"""Oversight of one run: reads each step before it is journalled, keeps the record, and may ask for a person.

Nothing here changes what is learned: the step's experiences have been used when `annotate` first sees them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from abzero.errors import Pause
from abzero.oversight import canaries, drift
from abzero.oversight.chain import Chain, read
from abzero.oversight.gate import Mode, entry_of, open_findings, rings
from abzero.oversight.judging import JudgeVerdicts, Judging
from abzero.oversight.reading import readings
from abzero.oversight.tier import Tier, inspect
from abzero.types import Alarm, Finding, Step

EVERY = 10
"""Steps between two looks at the canaries; step 0 has one."""
NAMED = 3
"""Findings that an alarm names; the rest is counted."""


@dataclass
class OversightSession:
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
    judging: Judging | None = None
    lag: int = 0
    """Steps after its own at which a judge's verdict is taken in."""
    _why: str = field(init=False, default="")
    """Why the run should wait for a person after the step that was read last, findings of its own apart."""
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
        seen = readings(step)
        found = inspect(self.tiers, seen)
        rollouts = [row.rollout for row in step.proposals] + [row.rollout for row in step.attempts]
        lengths = [len(rollout.tokens) for rollout in rollouts]
        figures = drift.figures(seen, found, lengths)
        alarms = self._listen(step.number, figures)
        if self.judging:
            self.judging.submit(step.number, seen, found, listen=step.number % EVERY == 0)
            taken = self.judging.collect(step.number, step.number - self.lag)
            figures.update(taken.figures)
            alarms += taken.alarms
            self._why = _asks(taken)
            if self.mode != "log" and taken.ringing:
                alarms.append(Alarm(step.number, "oversight", self._why))
        alarms += self._drift(step.number, {**step.metrics, **figures})
        if self.mode != "log" and (ringing := [one for one in found if rings(one, self.severity)]):
            alarms.append(Alarm(step.number, "oversight", _words(ringing)))
        if found:
            where = {(str(one.role), one.position): one for one in seen}
            self.chain.append("finding", entry_of(step.number, found, where, self.mode, self.severity))
        return replace(
            step,
            findings=(*step.findings, *found),
            alarms=(*step.alarms, *alarms),
            metrics={**step.metrics, **figures},
            clock={**step.clock, "seconds/oversight": self.clock() - begun},
        )

    def gate(self, step: Step) -> None:
        """Raise `Pause` if a person must look: at a finding of the journalled step, at a verdict that was taken in with
        it, or at a judge that has fallen silent.
        """
        ringing = [one for one in step.findings if rings(one, self.severity)]
        if self.mode == "pause" and (ringing or self._why):
            raise Pause(f"oversight: {_words(ringing) if ringing else self._why}")

    def finish(self, step: int) -> str | None:
        """Take in the verdicts that are still out, after the last step; what then waits for a person, in words."""
        if self.judging:
            taken = self.judging.collect(step, step)
            if self.mode == "pause" and taken.ringing and open_findings(read(self.chain.path)):
                return _asks(taken)
        return None

    def close(self) -> None:
        if self.judging:
            self.judging.close()

    def _listen(self, step: int, figures: dict[str, float]) -> list[Alarm]:
        """Put the canaries through the monitors: on every `EVERY`-th step, and on the first of this process, of which
        no figure tells: a resumed run has the same ones.
        """
        due = step % EVERY == 0
        if self._heard and not due:
            return []
        self._heard = True
        recalls = {tier.name: canaries.recall(tier.monitor, tier.canaries) for tier in self.tiers}
        figures.update({f"oversight/canary/{name}": share for name, share in recalls.items() if due})
        found = canaries.deaf(recalls, {tier.name: tier.expected for tier in self.tiers})
        new = [Alarm(step, name, words) for name, words in found.items() if name not in self._deaf]
        self._deaf = set(found)
        return new


def _asks(taken: JudgeVerdicts) -> str:
    """What of the verdicts is for a person, in words; nothing if nothing is."""
    if not taken.ringing:
        return taken.unanswered
    steps = ", ".join(str(step) for step in sorted({step for step, _ in taken.ringing}))
    return f"the judge, of step {steps}: {_words([one for _, one in taken.ringing])}"


def _words(found: Sequence[Finding]) -> str:
    named = [
        f"{one.category} (severity {one.severity}) in the {one.part} of {one.role} {one.position}"
        for one in found[:NAMED]
    ]
    rest = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{'; '.join(named)}{rest}: read it with `abzero oversight review RUN`, whole, before the run goes on"
