"""Is it learning, is it narrowing: solve rates and rejections over a run, from evenly spaced steps.

A run of any length is looked at in a fixed number of steps, so that the questions take the same time after a million
rollouts as after a thousand. The journal's metrics, which are drawn beside it, are of every step.
"""

import re
from collections import Counter
from dataclasses import dataclass

from abzero.views.journal import Journal, figure, string, whole

BINS = 7
"""Rows between never and always: one for each eighth, since eight attempts are usual."""
_COLUMNS = 80
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class SolveRateColumn:
    """One step: how many of its tasks were solved how often. Row 0 is never, row ``BINS + 1`` always."""

    step: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """A kind of rejection: how often in each of the steps that were looked at."""

    kind: str
    total: int
    by_step: tuple[tuple[int, int], ...]
    examples: tuple[tuple[int, int], ...]
    """(step, position), the newest first."""


def sampled(journal: Journal, most: int = _COLUMNS) -> tuple[list[int], int]:
    """Evenly spaced self-play steps, the last one among them, and the distance between two."""
    last = journal.last_step() or 0
    every = max(1, -(-last // most))
    return list(range(last, 0, -every))[::-1], every


def heat(journal: Journal, steps: list[int]) -> dict[str, list[SolveRateColumn]]:
    """How often the tasks of each mode were solved, in each of `steps`."""
    found: dict[str, dict[int, list[int]]] = {}
    query = """
SELECT mode, solve_rate, count(*) FROM proposal
WHERE step = ? AND task IS NOT NULL AND solve_rate IS NOT NULL GROUP BY 1, 2"""
    for step in steps:
        for mode, rate, number in journal.rows(query, step):
            counts = found.setdefault(string(mode), {}).setdefault(step, [0] * (BINS + 2))
            counts[_row(figure(rate))] += whole(number)
    nothing = [0] * (BINS + 2)
    return {mode: [SolveRateColumn(step, tuple(by.get(step, nothing))) for step in steps] for mode, by in found.items()}


def rejections(journal: Journal, steps: list[int], examples: int = 10) -> list[Reason]:
    """Why proposals were lost in `steps`, the commonest reason first."""
    by_step: dict[str, Counter[int]] = {}
    places: dict[str, list[tuple[int, int]]] = {}
    kinds: dict[int, str] = {}
    for step in steps:
        query = "SELECT position, error FROM proposal WHERE step = ? AND task IS NULL AND error IS NOT NULL"
        for position, error in journal.rows(query, step):
            kind = kinds.get(whole(error)) or kind_of(journal.text(error, 200).text)
            kinds[whole(error)] = kind
            by_step.setdefault(kind, Counter())[step] += 1
            places.setdefault(kind, []).append((step, whole(position)))
    found = [
        Reason(kind, sum(counts.values()), tuple(sorted(counts.items())), tuple(places[kind][: -examples - 1 : -1]))
        for kind, counts in by_step.items()
    ]
    return sorted(found, key=lambda reason: (-reason.total, reason.kind))


def kind_of(reason: str) -> str:
    """What many reasons have in common: the words before whatever is the proposal's own."""
    line = _QUOTED.sub("…", reason.split("\n", 1)[0])
    for mark in (":", "'", '"', "`", "("):
        head, found, _ = line.partition(mark)
        line = head if found and len(head.split()) > 1 else line
    return " ".join(_DIGITS.sub("N", line).split())[:80] or "no reason given"


def alarms(journal: Journal, most: int = 200) -> list[tuple[int, str, str]]:
    """(step, name, words) of the newest alarms, the newest first."""
    rows = journal.rows("SELECT step, name, message FROM alarm ORDER BY step DESC, place LIMIT ?", most)
    return [(whole(step), string(name), string(message)) for step, name, message in rows]


def _row(rate: float) -> int:
    if rate <= 0.0 or rate >= 1.0:
        return 0 if rate <= 0.0 else BINS + 1
    return min(max(round(rate * (BINS + 1)), 1), BINS)
