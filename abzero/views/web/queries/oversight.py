"""What the thoughts said: findings of monitors, where a run has them."""

from dataclasses import dataclass

from abzero.views.web.journal import Journal, figure, whole, words


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding: where, by whom, of what kind, how grave from 0 to 4."""

    step: int
    role: str
    position: int
    part: str
    begin: int
    end: int
    source: str
    category: str
    severity: int
    score: float


def findings(journal: Journal, most: int = 200) -> list[Seen]:
    """The newest findings, the newest first."""
    query = """
SELECT step, role, position, part, "begin", "end", source, category, severity, score FROM finding
ORDER BY step DESC, place LIMIT ?"""
    return [
        Seen(
            *(whole(r[0]), words(r[1]), whole(r[2]), words(r[3]), whole(r[4]), whole(r[5])),
            *(words(r[6]), words(r[7]), whole(r[8]), figure(r[9])),
        )
        for r in journal.rows(query, most)
    ]


def by_category(journal: Journal) -> list[tuple[str, int, int]]:
    """(category, gravest severity, how many), the commonest first."""
    query = "SELECT category, max(severity), count(*) FROM finding GROUP BY category ORDER BY 3 DESC LIMIT 100"
    return [(words(name), whole(worst), whole(count)) for name, worst, count in journal.rows(query)]
