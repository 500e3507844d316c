"""The program around the loop: restore, step, annotate, journal, observe, save; stop on request, and lose nothing."""

import math
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from abzero.errors import Halt, Pause
from abzero.policy.base import Learner
from abzero.run.checkpoint import Checkpoints
from abzero.run.journal import JournalWriter
from abzero.tasks.buffer import Buffer
from abzero.types import Step

Annotator = Callable[[Step], Step]
"""Adds alarms, findings or figures to a step before it is journalled; what was sampled and learned stays as it is."""

Observer = Callable[[Step], None]
"""Is shown every step, the seeding (number 0) included, after it was journalled; may raise `Halt`."""


class Loop(Protocol):
    """What a run drives: takes steps by number, and owns the state that a checkpoint holds. `SelfPlay` is one."""

    @property
    def learner(self) -> Learner: ...
    @property
    def buffer(self) -> Buffer: ...
    def step(self, number: int) -> Step:
        """Take step `number`, the same whenever it is taken from the same state."""
        ...


@dataclass(frozen=True)
class RunResult:
    """How a run of the program ended."""

    step: int | None
    """The last step that was taken, and that a checkpoint holds; ``None`` if it ended in the seeding."""
    reason: str | None
    """Why it ended before its time; ``None`` if all steps were taken."""
    paused: bool = False
    """Whether it waits for a person, as `Pause` asked."""


def restore(
    *, loop: Loop, journal: JournalWriter, checkpoints: Checkpoints, report: Callable[[str], None]
) -> int | None:
    """Put `loop` and `journal` back to the newest whole checkpoint; its step, or ``None`` where there is none yet."""
    done = checkpoints.load(loop.learner, loop.buffer, report)
    journal.truncate(-1 if done is None else done)
    return done


def train(
    *,
    loop: Loop,
    done: int | None,
    seed: Callable[[Callable[[], str | None]], Step | None],
    annotate: Sequence[Annotator],
    journal: JournalWriter,
    observers: Sequence[Observer],
    checkpoints: Checkpoints,
    steps: int,
    every: int,
    report: Callable[[str], None],
) -> RunResult:
    """Go on from step `done`, as `restore` returned it, or from `seed`, to `steps`; save each `every`-th and the last.

    `seed` may ask which signal wants it to stop, and then return ``None``: it is called again when the run goes on.
    Every step passes through `annotate`, in order, then into the journal, then before all `observers`. The first
    interrupt (SIGINT, SIGTERM) ends the run after the current step, or batch of the seeding; a second one at once.
    """
    with _interrupts(report) as interrupted:

        def commit(step: Step) -> Halt | None:
            for add in annotate:
                step = add(step)
            journal.write(step)
            if step.number == 0:  # or a run killed while observers look would seed itself again
                checkpoints.save(0, loop.learner, loop.buffer)
            sound.append(_sound(step))
            return _shown(step, observers)

        sound: list[bool] = []
        halt = None
        if done is None:
            first = seed(interrupted)
            if first is None:
                return RunResult(None, interrupted())
            halt = commit(first)
        done = saved = done or 0
        reason = str(halt) if halt else interrupted()
        while done < steps and reason is None:
            halt = commit(loop.step(done + 1))
            done += 1
            reason = str(halt) if halt else interrupted()
            if done % every == 0 or done == steps or reason:
                checkpoints.save(done, loop.learner, loop.buffer, sound=all(sound))
                saved, sound = done, []
    paused = isinstance(halt, Pause)
    return RunResult(saved, reason if done < steps or paused else None, paused)


def _sound(step: Step) -> bool:
    """Whether the learner's figures are finite, and no gradient had to be skipped."""
    learner = {name: value for name, value in step.metrics.items() if name.startswith("learner/")}
    return all(map(math.isfinite, learner.values())) and not learner.get("learner/skipped")


def _shown(step: Step, observers: Sequence[Observer]) -> Halt | None:
    """Show `step` to all `observers`; what the first of them to end the run raised, a `Pause` before any other."""
    halts = []
    for observe in observers:
        try:
            observe(step)
        except Halt as halt:
            halts.append(halt)
    return min(halts, key=lambda halt: not isinstance(halt, Pause), default=None)


@contextmanager
def _interrupts(report: Callable[[str], None]) -> Iterator[Callable[[], str | None]]:
    """Yields a function that says which signal has asked to stop, if one has."""
    caught: list[str] = []

    def catch(number: int, _: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(signal.Signals(number).name)
        report(
            "stopping after this step, or batch of the seeding; once more stops now, and loses what is not saved yet"
        )

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: caught[0] if caught else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
