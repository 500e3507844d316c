"""Find it again: text in programs, reasons and thoughts, searched backwards from the newest step for a bounded time."""

import time
from dataclasses import dataclass
from typing import Literal

from abzero.errors import RunError
from abzero.views.web.journal import Journal, SqlRow, SqlValue, share, string, whole

Place = Literal["program", "message", "completion", "reason"]
_LOOKED_AT = 60_000
"""Characters of a text that are searched."""
_BEFORE, _AFTER = 24, 90
"""Characters shown around what was found."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is looked for; empty or ``None`` is anything."""

    text: str = ""
    mode: str = ""
    verdict: str = ""
    """``valid`` or ``rejected``."""
    least: float | None = None
    most: float | None = None
    """Bounds of the solve rate."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A proposal that matches, with the words around what was found."""

    step: int
    position: int
    mode: str
    task: str | None
    solve_rate: float | None
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
    step: int | None = start
    while step is not None and step > 0:
        for row in journal.rows(_ROWS, step, wanted.mode, wanted.mode):
            hit = _hit(journal, wanted, row)
            hits += [hit] if hit else []
        step = _before(journal, step)
        if len(hits) >= most or time.monotonic() > end:
            break
    return Hits(tuple(hits), start, step if step else None)


_ROWS = """
SELECT p.step, p.position, p.mode, p.task, p.solve_rate, t.program, t.message, p.completion, p.error
FROM proposal AS p LEFT JOIN task AS t ON t.id = p.task
WHERE p.step = ? AND (? = '' OR p.mode = ?) ORDER BY p.position LIMIT 5000"""


def _before(journal: Journal, step: int) -> int | None:
    number = journal.rows("SELECT max(number) FROM step WHERE number < ?", step)[0][0]
    return None if number is None else whole(number)


def _hit(journal: Journal, wanted: SearchQuery, row: SqlRow) -> SearchHit | None:
    step, position, mode, task, rate, program, message, completion, error = row
    solved = share(rate)
    if wanted.verdict and (wanted.verdict == "valid") != (task is not None):
        return None
    if (wanted.least is not None or wanted.most is not None) and solved is None:
        return None
    if solved is not None and not (wanted.least or 0.0) <= solved <= (1.0 if wanted.most is None else wanted.most):
        return None
    head = (whole(step), whole(position), string(mode), None if task is None else string(task), solved)
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
