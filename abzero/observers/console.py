"""The run on the screen: a live display in a terminal, plain lines anywhere else, one summary at the end."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from abzero.algo.figures import FIGURES
from abzero.python.language import PYTHON
from abzero.python.source import entry_of
from abzero.run.seeding_progress import Progress
from abzero.sanitize import abridged
from abzero.types import Alarm, Proposal, Step

_SPAN = 10
"""Steps at the beginning and at the end that the summary compares, and over which speed is averaged."""
_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = tuple(
    FIGURES[name]
    for name in (
        *("propose/valid/{mode}", "propose/new/{mode}", "propose/learnable/{mode}", "propose/solve_rate/{mode}"),
        *("propose/reward/{mode}", "solve/score/{mode}", "solve/reward/{mode}"),
    )
)
"""The figures of a mode that the display and the summary show."""


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


def display(total: int, console: Console, clock: Callable[[], float] = time.monotonic, done: int = 0) -> Display:
    """The display that fits `console`, for a run of `total` steps, of which `done` are done."""
    live = console.is_interactive and console.file.isatty() and not console.options.ascii_only
    return Screen(total, console, clock, done) if live else Lines(total, console)


class Memory:
    """What a display remembers of a run: its first and its last steps' figures, its last alarms."""

    def __init__(self) -> None:
        self.first: list[Mapping[str, float]] = []
        self.last: deque[Mapping[str, float]] = deque(maxlen=_SPAN)
        self.seconds: deque[float] = deque(maxlen=_SPAN)
        self.scores: dict[str, deque[float]] = {}
        self.alarms: deque[Alarm] = deque(maxlen=3)
        self.alarm_count = 0
        self.count = 0
        self.step: Step | None = None
        self.task: tuple[int, Proposal] | None = None

    def add(self, step: Step) -> None:
        """Note a step's alarms and, unless it is the seeding, its figures."""
        self.alarms.extend(step.alarms)
        self.alarm_count += len(step.alarms)
        if step.number == 0:
            return
        if len(self.first) < _SPAN:
            self.first.append(step.metrics)
        self.last.append(step.metrics)
        self.seconds.append(step.clock.get("seconds/step", 0.0))
        for mode, score in _by_mode(step.metrics, "solve/score/").items():
            self.scores.setdefault(mode, deque(maxlen=24)).append(score)
        self.count += 1
        self.step = step
        chosen = interesting(step)
        self.task = (step.number, chosen) if chosen else self.task

    def seconds_left(self, total: int) -> float | None:
        if not self.step or not sum(self.seconds):
            return None
        return (total - self.step.number) * sum(self.seconds) / len(self.seconds)


class Lines:
    """One line of ASCII a step: for files, pipes and CI."""

    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._console = console
        self._memory = Memory()

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
        self._console.print(Text(words), soft_wrap=True)


class Screen:
    """A live display that redraws itself twice a second."""

    def __init__(self, total: int, console: Console, clock: Callable[[], float], done: int = 0) -> None:
        self._total = total
        self._done = done
        self._console = console
        self._clock = clock
        self._begun = clock()
        self._memory = Memory()
        self._view: RenderableType = Text("")
        self._seeding: Progress | None = None
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=2, transient=True, vertical_overflow="crop"
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def seeding(self, now: Progress) -> None:
        if now.over:
            self._live.console.print(Text(now.words))
        self._seeding = None if now.over else now
        self._view = seeding_view(now)

    def __call__(self, step: Step) -> None:
        self._memory.add(step)
        self._view = view(self._memory)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)
        self._console.print(summary(self._memory))

    def _draw(self) -> RenderableType:
        step = self._memory.step
        done = step.number if step else self._done
        left = self._memory.seconds_left(self._total)
        head = Table.grid(padding=(0, 2))
        if self._seeding:
            head.add_row(
                Text(f"seeding, batch {self._seeding.batch + 1} of at most {self._seeding.batches}", style="bold"),
                Text(f"{duration(self._clock() - self._begun)} so far"),
            )
            return Group(head, self._view)
        head.add_row(
            Text(f"step {done} of {self._total}", style="bold"),
            ProgressBar(total=max(self._total, 1), completed=done, width=30),
            Text(f"{duration(self._clock() - self._begun)} so far"),
            Text(f"about {duration(left)} left" if left is not None else "the first step is under way"),
            Text(f"{step.clock.get('tokens_per_second', 0.0):,.0f} tokens/s" if step else ""),
        )
        return Group(head, self._view)


def line(step: Step, total: int, seconds_left: float | None) -> str:
    """The step in one line."""
    parts = [f"step {step.number}/{total}"]
    for label, name in (("propose", "propose/reward/"), ("solve", "solve/reward/"), ("score", "solve/score/")):
        figures = [*_by_mode(step.metrics, name).values()]
        parts += [f"{label} {sum(figures) / len(figures):.3f}"] if figures else []
    for label, name in (("solve rate", "propose/solve_rate/"), ("valid", "propose/valid/")):
        values = _by_mode(step.metrics, name)
        parts += [f"{label} " + " ".join(f"{mode} {value:.2f}" for mode, value in values.items())] if values else []
    if "tokens_per_second" in step.clock:
        parts.append(f"{step.clock['tokens_per_second']:,.0f} tokens/s")
    if seconds_left is not None:
        parts.append(f"{duration(seconds_left)} left")
    return " | ".join(parts)


def view(memory: Memory) -> RenderableType:
    """What the live display shows below its first line."""
    parts: list[RenderableType] = [_modes(memory, memory.step)] if memory.step else []
    parts += [Text(f"! step {alarm.step}: {alarm.message}", style="yellow") for alarm in memory.alarms]
    if memory.task:
        parts.append(_task(*memory.task))
    return Group(*parts)


def seeding_view(now: Progress) -> RenderableType:
    """What the live display shows of the seeding: tasks by mode, and why proposals were rejected."""
    table = Table("mode", "tasks", "wanted", "proposals")
    for mode, count in now.found.items():
        table.add_row(mode, str(count), str(now.wanted), str(now.attempts[mode]))
    why = [Text(f"rejected {now.rejected.total()}: {now.reasons(5)}")] if now.rejected else []
    return Group(table, *why)


def summary(memory: Memory) -> RenderableType:
    """The run in one table: for each figure and mode, the mean of the first steps and that of the last."""
    if memory.step is None:
        return Text("no step was taken")
    span = max(1, min(_SPAN, memory.count // 2))
    first, last = _mean(memory.first[:span]), _mean([*memory.last][-span:])
    modes = sorted({mode for column in _COLUMNS for mode in _by_mode(last, column.prefix)})
    steps = f"first {span} -> last {span}"
    table = Table("", *modes)
    for column in _COLUMNS:
        pairs = [(first.get(column.prefix + mode), last.get(column.prefix + mode)) for mode in modes]
        table.add_row(column.label, *(" -> ".join("-" if x is None else f"{x:.3f}" for x in pair) for pair in pairs))
    return Group(table, Text(f"{memory.count} steps, {memory.alarm_count} alarms; means of the {steps} steps"))


def interesting(step: Step) -> Proposal | None:
    """The hardest learnable proposal of `step`."""
    learnable = [p for p in step.proposals if p.task and p.solve_rate is not None and 0.0 < p.solve_rate < 1.0]
    return min(learnable, key=lambda proposal: proposal.solve_rate or 0.0, default=None)


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 20 s``, ``5 h 04 min``."""
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, part = divmod(minutes, 60)
    if hours:
        return f"{hours} h {part:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def sparkline(values: Sequence[float]) -> str:
    """Shares in [0, 1] as bars."""
    return "".join(_BARS[min(int(value * len(_BARS)), len(_BARS) - 1)] for value in values)


def _modes(memory: Memory, step: Step) -> Table:
    table = Table()
    table.add_column("mode")
    for column in _COLUMNS:
        table.add_column(column.label, justify="right")
    table.add_column("solver's score so far")
    modes = sorted({mode for column in _COLUMNS for mode in _by_mode(step.metrics, column.prefix)})
    for mode in modes:
        figures = [step.metrics.get(column.prefix + mode) for column in _COLUMNS]
        cells = ["" if figure is None else f"{figure:.2f}" for figure in figures]
        table.add_row(mode, *cells, sparkline(memory.scores.get(mode, ())))
    return table


def _task(number: int, proposal: Proposal) -> Panel:
    task = proposal.task
    assert task is not None
    case = Text(abridged(f"{entry_of(task.program)}({task.cases[0].input}) = {task.cases[0].output}", 200))
    title = Text(f"step {number}, {task.mode}, solved {proposal.solve_rate:.0%} of the time, {task.id}")
    program = Syntax(abridged(task.program, 1_000), PYTHON.name, theme="ansi_dark", background_color="default")
    return Panel(Group(program, case), title=title, title_align="left")


def _by_mode(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {name.removeprefix(prefix): value for name, value in sorted(metrics.items()) if name.startswith(prefix)}


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = {name for row in rows for name in row}
    values = {name: [row[name] for row in rows if name in row] for name in names}
    return {name: sum(figures) / len(figures) for name, figures in values.items()}
