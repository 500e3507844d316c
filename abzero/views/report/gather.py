"""What the report tells of a run, read from its folder in one go."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abzero.run.journal import JournalReader, ProposalSummary
from abzero.types import Alarm
from abzero.views.charts import Interval, Point
from abzero.views.report import results

LONGEST = 6
"""Programs of this many statements and more are counted together."""
BANDS = ("never", "≤ ¼", "≤ ½", "≤ ¾", "< 1", "always")
"""Names of the ranges of solve rates that `band` tells apart."""

_SCAFFOLD = re.compile(r"\s*(#|def |class |import |from |return\b|@|$)")
_TARGET = re.compile(r"^\s*\w+ = ")
_NAME = re.compile(r"(?<![\w'\".])[a-z](?![\w('\"])")
_CONSTANT = re.compile(r"\b\d+\b|'[^']*'")


@dataclass(frozen=True)
class RunSummary:
    """A run's folder in numbers."""

    name: str
    about: Mapping[str, str]
    settings: Mapping[str, str]
    """Every setting as text, by its dotted name."""
    steps: Sequence[int]
    """Self-play steps; the seeding, step 0, is not one."""
    figures: Mapping[str, Sequence[Point]]
    """(step, value) of every metric and clock figure, by name; held-out ones of step 0, too."""
    alarms: Sequence[Alarm]
    summaries: Sequence[ProposalSummary]
    """Every proposal of the self-play steps."""
    before: results.Evaluation | None
    after: results.Evaluation | None
    folder: str = ""
    """Where it is, as it was named."""

    @property
    def forked_from(self) -> str:
        """The run and the step that it was forked from; empty for one that began by itself."""
        return self.about.get("forked from", "")

    @property
    def span(self) -> Interval:
        """The first and the last step."""
        return (float(self.steps[0]), float(self.steps[-1])) if self.steps else (0.0, 1.0)

    def points(self, name: str) -> Sequence[Point]:
        """The curve of a figure; none for one that was not logged."""
        return self.figures.get(name, ())

    @property
    def modes(self) -> list[str]:
        """The task types in the run, in alphabetical order."""
        evaluated = [mode for evaluation in (self.before, self.after) if evaluation for mode, _, _ in evaluation]
        return sorted({*(summary.mode for summary in self.summaries), *evaluated})


def gather(folder: Path, reader: JournalReader) -> RunSummary:
    """Everything but the texts of single steps. Raises `RunError`."""
    about = reader.about()
    return RunSummary(
        name=folder.resolve().name,
        about={key: value for key, value in about.items() if key != "config"},
        settings=settings(json.loads(about.get("config", "{}"))),
        steps=[step for step in reader.steps() if step > 0],
        figures={
            name: [point for point in reader.series(name) if point[0] > 0 or name.startswith("eval/")]
            for name in reader.names()
        },
        alarms=reader.alarms(),
        summaries=[summary for summary in reader.summaries() if summary.step > 0],
        before=results.read(folder / "eval-before.json"),
        after=results.read(folder / "eval-after.json"),
        folder=str(folder),
    )


def settings(tree: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """The leaves of a tree of settings as text, by dotted name."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= settings(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return flat


def statements(program: str) -> int:
    """Lines of `program` that do something: not blank, comment, import, header or return. A measure of length."""
    return sum(not _SCAFFOLD.match(line) for line in program.split("\n"))


def operations(program: str) -> list[str]:
    """What each statement does, its one-letter names and constants left out: ``X[1:]`` and ``X + [C]``."""
    lines = [line for line in program.split("\n") if not _SCAFFOLD.match(line)]
    return [_CONSTANT.sub("C", _NAME.sub("X", _TARGET.sub("", line).strip())) for line in lines]


def band(solve_rate: float) -> int:
    """The index in `BANDS` of a solve rate."""
    if solve_rate in (0.0, 1.0):
        return 0 if solve_rate == 0.0 else 5
    return 1 + min(int(solve_rate * 4 - 1e-9), 3)


def counts(
    summaries: Iterable[ProposalSummary], kinds: int, kind: Callable[[ProposalSummary], int | None]
) -> list[tuple[float, list[float]]]:
    """For every step, how many proposals are of each of `kinds` kinds; those of kind ``None`` do not count."""
    found: dict[int, list[float]] = defaultdict(lambda: [0.0] * kinds)
    for summary in summaries:
        index = kind(summary)
        if index is not None:
            found[summary.step][index] += 1
    return [(float(step), row) for step, row in sorted(found.items())]


def means(summaries: Iterable[ProposalSummary], value: Callable[[ProposalSummary], float | None]) -> list[Point]:
    """For every step, the mean of `value` over its proposals; those of value ``None`` do not count."""
    found: dict[int, list[float]] = defaultdict(list)
    for summary in summaries:
        figure = value(summary)
        if figure is not None:
            found[summary.step].append(figure)
    return [(float(step), sum(figures) / len(figures)) for step, figures in sorted(found.items())]


def commonest_operation(summaries: Iterable[ProposalSummary]) -> list[Point]:
    """For every step, the share of the most frequent operation among all statements of its tasks."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for summary in summaries:
        if summary.program is not None:
            found[summary.step].update(operations(summary.program))
    return [(float(step), max(ops.values()) / sum(ops.values())) for step, ops in sorted(found.items()) if ops]
