"""What happened in a step: proposals with their estimates, attempts, and what each earned."""

from collections import defaultdict
from dataclasses import dataclass

from abzero.types import Role
from abzero.views.journal import Journal, SqlRow, SqlValue, StoredText, figure, share, string, whole

PORTION = 60
"""Rows of one group that a page shows at once."""
_DOTS = 64
_BEGINNING = 600


@dataclass(frozen=True, slots=True)
class Earned:
    """What a rollout earned: named summands, and the advantage the learner was given."""

    terms: tuple[tuple[str, float], ...]
    advantage: float

    @property
    def total(self) -> float:
        return sum(value for _, value in self.terms)


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal as a line of a list."""

    step: int
    position: int
    mode: str
    task: str | None
    program: StoredText | None
    error: StoredText | None
    solve_rate: float | None
    scores: tuple[float | None, ...]
    """Of the attempts that estimated the solve rate."""
    new: bool
    ours: bool
    tokens: int
    finish: str
    earned: Earned | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt as a line of a list."""

    step: int
    position: int
    mode: str
    task: str
    proposal: int | None
    score: float | None
    fault: str
    """What abzero itself raised while it graded; empty as a rule."""
    answer: StoredText
    tokens: int
    finish: str
    earned: Earned | None


FAULT = "LEFT JOIN fault AS f ON f.step = a.step AND f.role = 'solve' AND f.position = a.position"
"""What a query about attempts `a` joins to know of faults."""


def count(journal: Journal, step: int, role: Role, mode: str) -> int:
    """How many proposals, or attempts of the solver's batch, a step has of one mode."""
    if role == "propose":
        query = "SELECT count(*) FROM proposal WHERE step = ? AND mode = ?"
    else:
        query = (
            "SELECT count(*) FROM attempt AS a JOIN task AS t ON t.id = a.task "
            "WHERE a.step = ? AND t.mode = ? AND a.proposal IS NULL"
        )
    return whole(journal.rows(query, step, mode)[0][0])


def neighbours(journal: Journal, step: int) -> tuple[int | None, int | None]:
    """The recorded steps before and after `step`."""
    before = journal.rows("SELECT max(number) FROM step WHERE number < ?", step)[0][0]
    after = journal.rows("SELECT min(number) FROM step WHERE number > ?", step)[0][0]
    return (None if before is None else whole(before)), (None if after is None else whole(after))


def proposals(journal: Journal, step: int, mode: str, start: int = 0, most: int = PORTION) -> list[ProposalRow]:
    """Proposals of one mode, in the order of the step."""
    return _proposals(
        journal, "p.step = ? AND p.mode = ? ORDER BY p.position LIMIT ? OFFSET ?", step, mode, most, start
    )


def proposal(journal: Journal, step: int, position: int) -> ProposalRow | None:
    return next(iter(_proposals(journal, "p.step = ? AND p.position = ?", step, position)), None)


def newest(journal: Journal, most: int) -> list[ProposalRow]:
    """The proposals that came last, the newest first."""
    last = journal.last_step()
    return _proposals(
        journal, "p.step >= ? ORDER BY p.step DESC, p.position DESC LIMIT ?", max((last or 0) - 8, 0), most
    )


def rejected(journal: Journal, step: int, most: int) -> list[ProposalRow]:
    return _proposals(journal, "p.step = ? AND p.task IS NULL ORDER BY p.position LIMIT ?", step, most)


def of_task(journal: Journal, task: str, most: int) -> list[ProposalRow]:
    """The proposals that became `task`, the first one first."""
    return _proposals(journal, "p.task = ? ORDER BY p.step, p.position LIMIT ?", task, most)


def attempts(journal: Journal, step: int, mode: str, start: int = 0, most: int = PORTION) -> list[AttemptRow]:
    """Attempts of one mode in the solver's batch, in the order of the step."""
    where = "a.step = ? AND t.mode = ? AND a.proposal IS NULL ORDER BY a.position LIMIT ? OFFSET ?"
    return _attempts(journal, where, step, mode, most, start)


def attempts_at(journal: Journal, task: str, start: int, most: int) -> list[AttemptRow]:
    """Attempts at one task over the whole run."""
    return _attempts(journal, "a.task = ? ORDER BY a.step, a.position LIMIT ? OFFSET ?", task, most, start)


def earned(journal: Journal, step: int, role: Role, position: int) -> Earned | None:
    """What one rollout earned; ``None`` where it did not reach the learner."""
    key = (step, role, position)
    row = journal.row("SELECT advantage FROM reward WHERE step = ? AND role = ? AND position = ?", *key)
    query = "SELECT name, value FROM term WHERE step = ? AND role = ? AND position = ? ORDER BY place"
    terms = tuple((string(name), figure(value)) for name, value in journal.rows(query, *key))
    return Earned(terms, figure(row[0])) if row else None


def _proposals(journal: Journal, where: str, *values: str | int) -> list[ProposalRow]:
    query = (
        "SELECT p.step, p.position, p.mode, p.task, t.program, p.error, p.solve_rate, p.new, p.ours, "
        "p.tokens, p.finish "
        f"FROM proposal AS p LEFT JOIN task AS t ON t.id = p.task WHERE {where}"
    )
    rows = journal.rows(query, *values)
    scores = {step: _scores(journal, step) for step in sorted({whole(row[0]) for row in rows})}
    return [_proposal(journal, row, scores[whole(row[0])]) for row in rows]


def _proposal(journal: Journal, row: SqlRow, scores: dict[int, list[float | None]]) -> ProposalRow:
    step, position, mode, task, program, error, rate, new, ours, tokens, finish = row
    return ProposalRow(
        *(whole(step), whole(position), string(mode), None if task is None else string(task)),
        program=_text(journal, program),
        error=_text(journal, error),
        solve_rate=share(rate),
        scores=tuple(scores.get(whole(position), ())[:_DOTS]),
        new=bool(new),
        ours=bool(ours),
        tokens=whole(tokens),
        finish=string(finish),
        earned=earned(journal, whole(step), "propose", whole(position)),
    )


def _scores(journal: Journal, step: int) -> dict[int, list[float | None]]:
    """The scores of a step's estimates that were graded, by the position of their proposal."""
    found: dict[int, list[float | None]] = defaultdict(list)
    query = (
        f"SELECT a.proposal, a.score FROM attempt AS a {FAULT} "
        "WHERE a.step = ? AND a.proposal IS NOT NULL AND f.name IS NULL ORDER BY a.position LIMIT 200000"
    )
    for owner, score in journal.rows(query, step):
        found[whole(owner)].append(share(score))
    return found


def _attempts(journal: Journal, where: str, *values: str | int) -> list[AttemptRow]:
    query = (
        "SELECT a.step, a.position, t.mode, a.task, a.proposal, a.score, f.name, a.answer, a.tokens, a.finish "
        f"FROM attempt AS a JOIN task AS t ON t.id = a.task {FAULT} WHERE {where}"
    )
    return [_attempt(journal, row) for row in journal.rows(query, *values)]


def _attempt(journal: Journal, row: SqlRow) -> AttemptRow:
    step, position, mode, task, owner, score, fault, answer, tokens, finish = row
    return AttemptRow(
        *(whole(step), whole(position), string(mode), string(task)),
        proposal=None if owner is None else whole(owner),
        score=share(score),
        fault="" if fault is None else string(fault),
        answer=journal.text(answer, _BEGINNING),
        tokens=whole(tokens),
        finish=string(finish),
        earned=earned(journal, whole(step), "solve", whole(position)),
    )


def _text(journal: Journal, number: SqlValue) -> StoredText | None:
    return None if number is None else journal.text(number, _BEGINNING)
