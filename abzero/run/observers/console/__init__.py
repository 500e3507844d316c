"""The run on the screen: a live display in a terminal, plain lines anywhere else, one summary at the end."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from abzero.run.now import Moment
from abzero.run.observers.console.memory import Memory, interesting, recalled
from abzero.run.observers.console.tables import duration, line, seeding_view, sparkline, summary, view
from abzero.run.seeding_progress import Progress
from abzero.text.terminal import Sentence
from abzero.types import Step

__all__ = ["Display", "Lines", "Screen", "display", "duration", "interesting", "recalled", "sparkline"]


class Display(Protocol):
    """A context that is shown every step, and sums the run up on leaving."""

    def __enter__(self) -> Self: ...
    def __call__(self, step: Step) -> None: ...
    def seeding(self, now: Progress) -> None:
        """Show how far the seeding is."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def display(
    total: int,
    console: Console,
    clock: Callable[[], float] = time.monotonic,
    memory: "Memory | None" = None,
    moment: Callable[[], Moment] | None = None,
) -> Display:
    """The display that fits `console`, for a run of `total` steps.

    `memory` is what earlier sessions of the run left, as `recalled` makes it; `moment` says what is under way.
    """
    live = console.is_interactive and console.file.isatty() and not console.options.ascii_only
    memory = memory or Memory()
    if live:
        return Screen(total, console, clock, memory.last_number, memory=memory, moment=moment)
    return Lines(total, console, memory)


class Lines:
    """One line of ASCII a step: for files, pipes and CI."""

    def __init__(self, total: int, console: Console, memory: Memory) -> None:
        self._total = total
        self._console = console
        self._memory = memory

    def __enter__(self) -> Self:
        return self

    def seeding(self, now: Progress) -> None:
        if now.over or now.batch & (now.batch - 1) == 0:
            self._say(now.words)

    def __call__(self, step: Step) -> None:
        self._memory.add(step)
        if step.number > 0:
            self._say(line(step, self._total, self._memory.seconds_left(self._total)))
        for alarm in step.alarms:
            self._say(f"ALARM at step {alarm.step}, {alarm.name}: {alarm.message}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._console.print(summary(self._memory))

    def _say(self, words: str) -> None:
        self._console.print(Sentence(words), soft_wrap=True)


class Screen:
    """A live display that redraws itself twice a second."""

    def __init__(
        self,
        total: int,
        console: Console,
        clock: Callable[[], float],
        done: int = 0,
        *,
        memory: Memory | None = None,
        moment: Callable[[], Moment] | None = None,
    ) -> None:
        self._total = total
        self._done = done
        self._console = console
        self._clock = clock
        self._begun = clock()
        self._memory = memory or Memory()
        self._moment = moment
        self._seeding: Progress | None = None
        self._view: RenderableType = view(self._memory)
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=2, transient=True, vertical_overflow="crop"
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def seeding(self, now: Progress) -> None:
        if now.over:
            self._live.console.print(Sentence(now.words), soft_wrap=True)
        self._seeding = None if now.over else now
        self._view = seeding_view(now)

    def __call__(self, step: Step) -> None:
        self._memory.add(step)
        self._view = view(self._memory)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)
        for alarm in self._memory.alarms:
            self._console.print(Text(f"! step {alarm.step}: {alarm.message}", "yellow"))
        self._console.print(summary(self._memory))

    def _draw(self) -> RenderableType:
        step = self._memory.step
        done = step.number if step else self._done
        left = self._memory.seconds_left(self._total)
        waiting = "seeding" if self._moment and self._moment().step == 0 else "the first step is under way"
        remaining = f"about {duration(left)} left" if left is not None else waiting
        speed = f", {step.clock.get('tokens_per_second', 0.0):,.0f} tokens/s" if step else ""
        head = Table.grid(padding=(0, 2))
        if self._seeding:
            words = f"seeding, batch {self._seeding.batch + 1} of at most {self._seeding.batches}"
            head.add_row(Text(words, style="bold"), Text(f"{duration(self._clock() - self._begun)} so far"))
            return Group(head, *self._phase(), self._view)
        width = max(5, min(30, self._console.width - 45))
        bar = ProgressBar(total=max(self._total, 1), completed=done, width=width)
        head.add_row(Text(f"step {done} of {self._total}", style="bold"), bar, Text(remaining))
        so_far = Text(f"{duration(self._clock() - self._begun)} so far{speed}", style="dim")
        return Group(head, *self._phase(), so_far, self._view)

    def _phase(self) -> list[RenderableType]:
        """What is under way within the step."""
        moment = self._moment() if self._moment else None
        if moment is None or not moment.phase:
            return []
        step = f"step {moment.step}" if moment.step else "seeding"
        words = Text(f"{step}: {moment.phase}" + (f" {moment.done:,} of {moment.count:,}" if moment.count else ""))
        if not moment.done:
            return [words]
        grid = Table.grid(padding=(0, 2))
        grid.add_row(words, ProgressBar(total=moment.count, completed=moment.done, width=20))
        return [grid]
