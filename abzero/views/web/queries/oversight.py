"""What the thoughts said: findings of monitors, where a run has them, and what people and judges made of them."""

from dataclasses import dataclass

from abzero.views.journal import Journal, figure, string, whole
from abzero.views.report.oversight import Event, events
from abzero.views.run_folders import ServedRun

RECORD = "oversight.jsonl"
_LARGEST = 4 << 20
"""Bytes at the end of a record that are read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding: where, by whom, of what kind, how grave from 0 to 4."""

    step: int
    role: str
    position: int
    part: str
    begin: int
    end: int
    tier: int
    source: str
    category: str
    severity: int
    score: float


def findings(journal: Journal, most: int = 200) -> list[Seen]:
    """The newest findings, the newest first."""
    query = """
SELECT step, role, position, part, "begin", "end", tier, source, category, severity, score FROM finding
ORDER BY step DESC, place LIMIT ?"""
    return [
        Seen(
            *(whole(r[0]), string(r[1]), whole(r[2]), string(r[3]), whole(r[4]), whole(r[5])),
            *(whole(r[6]), string(r[7]), string(r[8]), whole(r[9]), figure(r[10])),
        )
        for r in journal.rows(query, most)
    ]


def points(journal: Journal, name: str) -> list[tuple[float, float]]:
    """(step, value) of a metric in every step, the seeding included."""
    query = "SELECT step, value FROM metric WHERE name = ? ORDER BY step"
    return [(float(whole(step)), figure(value)) for step, value in journal.rows(query, name)]


def by_category(journal: Journal) -> list[tuple[str, int, int]]:
    """(category, gravest severity, how many), the commonest first."""
    query = "SELECT category, max(severity), count(*) FROM finding GROUP BY category ORDER BY 3 DESC LIMIT 100"
    return [(string(name), whole(worst), whole(count)) for name, worst, count in journal.rows(query)]


def record(run: ServedRun) -> list[Event]:
    """The entries of the run's record, in order, as far as they can be read."""
    return list(events((run.file(RECORD, _LARGEST) or b"").decode("utf-8", "replace")))
