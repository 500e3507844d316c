"""The program around the loop: restore, step, journal, observe, save; stop on request without losing anything."""

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType

from abzero.errors import Halt
from abzero.run.checkpoint import Checkpoints
from abzero.run.journal import JournalWriter
from abzero.selfplay import SelfPlay
from abzero.types import Alarm, Step

Observer = Callable[[Step], None]
"""Is shown every step after it was journalled; may raise `Halt`."""

_REMEMBERED = 100
"""Steps before the first one that alarms may look back on."""


@dataclass(frozen=True)
class RunResult:
    """How a run of the program ended."""

    step: int
    """The last step that was taken, and that a checkpoint holds."""
    reason: str | None
    """Why it ended before its time; ``None`` if all steps were taken."""


def train(
    play: SelfPlay,
    seed: Callable[[], Step],
    journal: JournalWriter,
    checkpoints: Checkpoints,
    observers: Sequence[Observer],
    alarm_tracker: Callable[[Iterable[Mapping[str, float]]], Callable[[Step], Sequence[Alarm]]],
    steps: int,
    every: int,
    report: Callable[[str], None],
) -> RunResult:
    """Go on from the newest whole checkpoint, or from `seed`, up to step `steps`; save each `every`-th and the last.

    `alarm_tracker` makes, of the metrics of the last steps, the function that raises alarms. The first interrupt
    (SIGINT, SIGTERM) ends the run after the current step; a second one ends it at once.
    """
    done = checkpoints.load(play.learner, play.buffer, report)
    journal.truncate(-1 if done is None else done)
    alarms = alarm_tracker(journal.recent_metrics(_REMEMBERED))
    with _interrupts(report) as interrupted:
        if done is None:
            first = seed()
            journal.write(first)
            checkpoints.save(0, play.learner, play.buffer)
            done = 0
        saved = done
        reason = interrupted()
        while done < steps and reason is None:
            step = play.step(done + 1)
            step = replace(step, alarms=alarms(step))
            journal.write(step)
            done += 1
            try:
                for observe in observers:
                    observe(step)
            except Halt as halt:
                reason = str(halt)
            reason = reason or interrupted()
            if done % every == 0 or done == steps or reason:
                checkpoints.save(done, play.learner, play.buffer)
                saved = done
    return RunResult(saved, reason if done < steps else None)


@contextmanager
def _interrupts(report: Callable[[str], None]) -> Iterator[Callable[[], str | None]]:
    """Yields a function that says which signal has asked to stop, if one has."""
    caught: list[str] = []

    def catch(number: int, _: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(signal.Signals(number).name)
        report("stopping after this step; once more stops now, and loses the steps since the last checkpoint")

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: caught[0] if caught else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
