"""Do programs grow, and from how far back are tasks drawn: from a few tasks of evenly spaced steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.python.analysis import complexity
from abzero.views.journal import Journal, figure, string

_LARGEST = 4_000
"""Characters of a program that are looked at."""


@dataclass(frozen=True, slots=True)
class Programs:
    """The new programs of one mode in one step: means over a few of them."""

    step: int
    lines: float
    complexity: float
    """McCabe's."""


@dataclass(frozen=True, slots=True)
class Ages:
    """How many steps before its use a task was made: means over a few prompts and attempts of one step."""

    step: int
    shown: float | None
    """Of tasks that prompts for proposals show."""
    solved: float | None
    """Of tasks that the solver trains on."""


def programs(journal: Journal, steps: Sequence[int], most: int) -> dict[str, list[Programs]]:
    """Of up to `most` programs of each mode in each of `steps`."""
    query = """
SELECT mode, program FROM (
    SELECT p.mode, t.program, row_number() OVER (PARTITION BY p.mode ORDER BY p.position) AS place
    FROM proposal AS p JOIN task AS t ON t.id = p.task WHERE p.step = ?)
WHERE place <= ? ORDER BY mode"""
    found: dict[str, list[Programs]] = {}
    for step in steps:
        texts: dict[str, list[str]] = {}
        for mode, program in journal.rows(query, step, most):
            texts.setdefault(string(mode), []).append(journal.text(program, _LARGEST).text)
        for mode, some in texts.items():
            lines = sum(sum(bool(line.strip()) for line in text.split("\n")) for text in some) / len(some)
            found.setdefault(mode, []).append(Programs(step, lines, sum(map(complexity, some)) / len(some)))
    return found


def ages(journal: Journal, steps: Sequence[int], every: int = 5) -> list[Ages]:
    """Of the references of every fifth proposal, and of every fifth attempt, in each of `steps`."""
    shown = """
SELECT avg(l.step - t.step) FROM (
    SELECT step, reference FROM lineage WHERE step = ? AND position % ? = 0 LIMIT 400) AS l
    JOIN task AS t ON t.id = l.reference"""
    solved = """
SELECT avg(a.step - t.step) FROM (
    SELECT step, task FROM attempt WHERE step = ? AND proposal IS NULL AND position % ? = 0 LIMIT 400) AS a
    JOIN task AS t ON t.id = a.task"""
    return [Ages(step, _mean(journal, shown, step, every), _mean(journal, solved, step, every)) for step in steps]


def _mean(journal: Journal, query: str, step: int, every: int) -> float | None:
    [(value,)] = journal.rows(query, step, every)
    return None if value is None else figure(value)
