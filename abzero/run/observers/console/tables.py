"""What a display draws: a line, a view, a summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.box import ASCII, SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from abzero.algo.figures import FIGURES
from abzero.python.entry import entry_of
from abzero.python.language import PYTHON
from abzero.run.observers.console.memory import SPAN, Memory, by_mode
from abzero.run.seeding_progress import Progress
from abzero.text.sanitize import abridged
from abzero.text.terminal import UNBOUNDED, Column, Ragged, RankedTable, counted
from abzero.types import Proposal, Step

_PHASES = ("propose", "estimate", "solve", "sandbox", "update")
_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = tuple(
    FIGURES[name]
    for name in (
        *("propose/valid/{mode}", "propose/new/{mode}", "propose/learnable/{mode}", "propose/solve_rate/{mode}"),
        *("propose/reward/{mode}", "solve/score/{mode}", "solve/reward/{mode}"),
    )
)
"""The figures of a mode that the display and the summary show."""


def line(step: Step, total: int, seconds_left: float | None) -> str:
    """The step in one line."""
    parts = [f"step {step.number}/{total}"]
    for label, name in (("propose", "propose/reward/"), ("solve", "solve/reward/"), ("score", "solve/score/")):
        figures = [*by_mode(step.metrics, name).values()]
        parts += [f"{label} {sum(figures) / len(figures):.3f}"] if figures else []
    for label, name in (("solve rate", "propose/solve_rate/"), ("valid", "propose/valid/")):
        values = by_mode(step.metrics, name)
        parts += [f"{label} " + " ".join(f"{mode} {value:.2f}" for mode, value in values.items())] if values else []
    held_out = {name: value for name, value in by_mode(step.metrics, "eval/").items() if "/" not in name}
    parts += [f"held out {name} {value:.3f}" for name, value in held_out.items()]
    if "tokens_per_second" in step.clock:
        parts.append(f"{step.clock['tokens_per_second']:,.0f} tokens/s")
    if seconds_left is not None:
        parts.append(f"{duration(seconds_left)} left")
    return " | ".join(parts)


def view(memory: Memory) -> RenderableType:
    """What the live display shows below its first line."""
    parts: list[RenderableType] = [_modes(memory, memory.last[-1])] if memory.last else []
    if memory.step and (phases := by_phase(memory.step.clock)):
        parts.append(Text(f"step {memory.step.number}: {phases}", style="dim"))
    parts += [Text(f"! step {alarm.step}: {alarm.message}", style="yellow") for alarm in memory.alarms]
    if memory.task:
        parts.append(_task(*memory.task))
    return Group(*parts)


def seeding_view(now: Progress) -> RenderableType:
    """What the live display shows of the seeding: tasks by mode, and why proposals were rejected."""
    table = Table("mode", "tasks", "wanted", "proposals", box=SIMPLE_HEAD, collapse_padding=True)
    for mode, count in now.found.items():
        table.add_row(mode, str(count), str(now.wanted), str(now.attempts[mode]))
    why = [Text(f"rejected {now.rejected.total()}: {now.reasons(5)}")] if now.rejected else []
    return Group(Ragged(table), *why)


def summary(memory: Memory) -> RenderableType:
    """The run in one table: for each figure and mode, the mean of the first steps and that of the last."""
    if not memory.last:
        return Text("no step was taken")
    span = max(1, min(SPAN, memory.count // 2))
    first, last = _mean(memory.first[:span]), _mean([*memory.last][-span:])
    steps = f"first {span} -> last {span}"
    words = f"{counted(memory.count, 'step')}, {counted(memory.alarm_count, 'alarm')}; means of the {steps} steps"
    phases = by_phase(memory.spent)
    return Group(Changes(first, last), Text(words), *([Text(f"time: {phases}")] if phases else []))


@dataclass(frozen=True)
class Changes:
    """Figures then and now: modes beside each other, or below each other where they do not fit."""

    first: Mapping[str, float]
    last: Mapping[str, float]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        modes = sorted({mode for column in _COLUMNS for mode in by_mode(self.last, column.prefix)})
        ascii_only = ASCII if options.ascii_only or not console.is_terminal else SIMPLE_HEAD
        beside = Table("", *modes, box=ascii_only, collapse_padding=True)
        for column in _COLUMNS:
            beside.add_row(column.label, *(self._pair(column.prefix + mode) for mode in modes))
        if Measurement.get(console, options.update(width=UNBOUNDED), beside).maximum <= options.max_width:
            yield Ragged(beside)
            return
        below = Table("", "mode", "", box=ascii_only, collapse_padding=True)
        for column in _COLUMNS:
            for place, mode in enumerate(modes):
                below.add_row("" if place else column.label, mode, self._pair(column.prefix + mode))
        yield Ragged(below)

    def _pair(self, name: str) -> str:
        return " -> ".join("-" if x is None else f"{x:.3f}" for x in (self.first.get(name), self.last.get(name)))


def by_phase(clock: Mapping[str, float]) -> str:
    """``12 s: propose 2 s, estimate 5 s, ..., other 1 s``: where the seconds of `clock` went; empty where unknown."""
    whole = clock.get("seconds/step", 0.0)
    if not whole:
        return ""
    spent = {name: clock[f"seconds/{name}"] for name in _PHASES if f"seconds/{name}" in clock}
    spent["other"] = max(whole - sum(spent.values()), 0.0)
    parts = ", ".join(f"{name} {_short(value)}" for name, value in spent.items())
    return f"{_short(whole)}: {parts}"


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


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


def _modes(memory: Memory, metrics: Mapping[str, float]) -> RankedTable:
    ranks = (1, 3, 3, 2, 4, 1, 4)
    columns = [Column(one.label.replace(" ", "\n"), rank, "right") for one, rank in zip(_COLUMNS, ranks, strict=True)]
    table = RankedTable([Column("mode"), *columns, Column("solver's score\nso far", 1)])
    for mode in sorted({mode for column in _COLUMNS for mode in by_mode(metrics, column.prefix)}):
        figures = [metrics.get(column.prefix + mode) for column in _COLUMNS]
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


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = {name for row in rows for name in row}
    values = {name: [row[name] for row in rows if name in row] for name in names}
    return {name: sum(figures) / len(figures) for name, figures in values.items()}
