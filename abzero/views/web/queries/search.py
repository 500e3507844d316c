"""Find it again: text in programs, reasons and thoughts, searched backwards from the newest step for a bounded time."""

import time
from dataclasses import dataclass
from typing import Literal

from abzero.errors import RunError
from abzero.views.journal import Journal, SqlRow, SqlValue, share, string, whole

Place = Literal["program", "message", "completion", "reason"]
_LOOKED_AT = 60_000
"""Characters of a text that are searched."""
_BEFORE, _AFTER = 24, 90
"""Characters shown around what was found."""

PROPOSALS = ("proposals", "valid", "rejected")
ATTEMPTS = ("attempts", "right", "wrong")
MARKS = ("finding", "alarm")
"""Also the tables that say which steps have them."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is looked for; empty or ``None`` is anything."""

    text: str = ""
    mode: str = ""
    verdict: str = ""
    """One of `PROPOSALS` or `ATTEMPTS`: whose texts, and what became of them; empty is every proposal."""
    least: float | None = None
    most: float | None = None
    """Bounds of a proposal's solve rate, or of an attempt's score."""
    mark: str = ""
    """``finding``: those in which a monitor found something; ``alarm``: those of steps with an alarm."""

    @property
    def role(self) -> str:
        """Whose texts are searched."""
        return "solve" if self.verdict in ATTEMPTS else "propose"


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A proposal or an attempt that matches, with the words around what was found."""

    role: str
    step: int
    position: int
    mode: str
    good: bool
    """Whether the proposal is valid, or the attempt right."""
    rate: float | None
    """The proposal's solve rate, or the attempt's score."""
    place: Place
    before: str
    found: str
    after: str


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found in the steps that were searched; `next` is the step to go on from."""

    hits: tuple[SearchHit, ...]
    first: int
    next: int | None


def search(journal: Journal, wanted: SearchQuery, start: int, most: int = 50, seconds: float = 0.03) -> Hits:
    """The newest hits from step `start` backwards, until there are `most` or the time is up."""
    end = time.monotonic() + seconds
    hits: list[SearchHit] = []
    query = (
        _ROWS[wanted.role]
        + (_FOUND[wanted.role] if wanted.mark == "finding" else "")
        + " ORDER BY r.position LIMIT 5000"
    )
    step = _before(journal, wanted.mark, start + 1)
    while step is not None and step > 0:
        for row in journal.rows(query, step, wanted.mode, wanted.mode):
            hit = _hit(journal, wanted, row)
            hits += [hit] if hit else []
        step = _before(journal, wanted.mark, step)
        if len(hits) >= most or time.monotonic() > end:
            break
    return Hits(tuple(hits), start, step if step else None)


_ROWS = {
    "propose": """
SELECT r.step, r.position, r.mode, r.task IS NOT NULL, r.solve_rate, t.program, t.message, r.error, r.completion
FROM proposal AS r LEFT JOIN task AS t ON t.id = r.task
WHERE r.step = ? AND (? = '' OR r.mode = ?)""",
    "solve": """
SELECT r.step, r.position, t.mode, coalesce(r.score >= 1, 0), r.score, NULL, NULL, NULL, r.completion
FROM attempt AS r JOIN task AS t ON t.id = r.task
WHERE r.step = ? AND (? = '' OR t.mode = ?)""",
}
_FOUND = {
    role: f"""
AND EXISTS (SELECT 1 FROM finding AS f WHERE f.step = r.step AND f.position = r.position AND f.role = '{role}')"""
    for role in _ROWS
}


def _before(journal: Journal, mark: str, step: int) -> int | None:
    """The last step before `step`, of those that have such a mark."""
    table, column = (mark, "step") if mark in MARKS else ("step", "number")
    number = journal.rows(f"SELECT max({column}) FROM {table} WHERE {column} < ?", step)[0][0]
    return None if number is None else whole(number)


def _hit(journal: Journal, wanted: SearchQuery, row: SqlRow) -> SearchHit | None:
    step, position, mode, good, rate, program, message, error, completion = row
    solved = share(rate)
    if wanted.verdict in (*PROPOSALS[1:], *ATTEMPTS[1:]) and bool(good) != (wanted.verdict in ("valid", "right")):
        return None
    if (wanted.least is not None or wanted.most is not None) and solved is None:
        return None
    if solved is not None and not (wanted.least or 0.0) <= solved <= (1.0 if wanted.most is None else wanted.most):
        return None
    head = (wanted.role, whole(step), whole(position), string(mode), bool(good), solved)
    places: list[tuple[Place, SqlValue]] = [("program", program), ("message", message), ("reason", error)]
    for place, number in [*places, ("completion", completion)]:
        if number is None:
            continue
        text = journal.text(number, _LOOKED_AT if wanted.text else _AFTER).text
        at = (
            text.casefold().find(wanted.text.casefold())
            if len(text) == len(text.casefold())
            else text.find(wanted.text)
        )
        if at >= 0 and text:
            end = at + len(wanted.text)
            return SearchHit(*head, place, text[max(at - _BEFORE, 0) : at], text[at:end], text[end : end + _AFTER])
    return None


def number(text: str, name: str) -> float | None:
    """A bound as it stands in an address. Raises `RunError`."""
    try:
        return float(text) if text else None
    except ValueError as error:
        raise RunError(f"{name} = {text[:40]!r} in the address is no number") from error
