"""Why this verdict, this reward: everything a journal knows of one task, one proposal, one attempt."""

import json
import math
from dataclasses import dataclass

from abzero.errors import RunError
from abzero.types import Role
from abzero.views.journal import Journal, SqlRow, StoredText, figure, share, string, whole

_CASES = 100
_LONG = 20_000


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task as stored; what it holds was written by a model."""

    id: str
    step: int
    """The step at which it entered the journal; 0 for a seed."""
    mode: str
    program: StoredText
    cases: tuple[tuple[str, str], ...]
    more_cases: int
    message: StoredText


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """A prompt as it was sent, and what came back."""

    prompt: StoredText
    completion: StoredText
    tokens: int
    finish: str
    version: int
    well_formed: bool


@dataclass(frozen=True, slots=True)
class StoredNovelty:
    """How a proposal compared with the buffer; ``None`` in a journal of version 1."""

    new: bool | None
    repeats: int | None
    answer_share: float | None


@dataclass(frozen=True, slots=True)
class Peers:
    """The rewards that an experience is compared with; their deviation as the estimators have it, over n - 1."""

    n: int
    mean: float
    deviation: float


def task(journal: Journal, prefix: str) -> TaskRecord:
    """The task whose id begins with `prefix`. Raises `RunError` unless there is exactly one."""
    query = "SELECT id, step, mode, program, cases, message FROM task WHERE id >= ? AND id < ? LIMIT 2"
    rows = journal.rows(query, prefix, prefix + "\U0010ffff") if prefix else []
    exact = [row for row in rows if row[0] == prefix] or rows
    if len(exact) != 1:
        raise RunError(f"{'several tasks' if exact else 'no task'} of this run whose id begins with {prefix[:40]!r}")
    [(identity, step, mode, program, cases, message)] = exact
    pairs, more = _cases(journal.text(cases, 200_000))
    return TaskRecord(
        string(identity),
        whole(step),
        string(mode),
        journal.text(program, _LONG),
        pairs,
        more,
        journal.text(message, _LONG),
    )


def rollout(journal: Journal, role: Role, step: int, position: int) -> StoredRollout:
    """The rollout of a proposal or an attempt. Raises `RunError` where there is none."""
    table = "proposal" if role == "propose" else "attempt"
    query = (
        f"SELECT prompt, completion, tokens, finish, version, well_formed FROM {table} WHERE step = ? AND position = ?"
    )
    row = journal.row(query, step, position)
    if row is None:
        raise RunError(f"step {step} has no {table} {position}")
    prompt, completion, tokens, finish, version, formed = row
    return StoredRollout(
        prompt=journal.text(prompt, _LONG),
        completion=journal.text(completion, _LONG),
        tokens=whole(tokens),
        finish=string(finish),
        version=whole(version),
        well_formed=bool(formed),
    )


def novelty(journal: Journal, step: int, position: int) -> StoredNovelty:
    query = "SELECT new, repeats, answer_share FROM proposal WHERE step = ? AND position = ?"
    row = journal.row(query, step, position) or (None, None, None)
    return StoredNovelty(
        None if row[0] is None else bool(row[0]), None if row[1] is None else whole(row[1]), share(row[2])
    )


def references(journal: Journal, step: int, position: int) -> list[str]:
    """Ids of the tasks that a proposal's prompt showed, in order."""
    query = "SELECT reference FROM lineage WHERE step = ? AND position = ? ORDER BY place LIMIT 100"
    return [string(reference) for (reference,) in journal.rows(query, step, position)]


def descendants(journal: Journal, identity: str, most: int) -> list[tuple[str, int]]:
    """(id, step) of tasks whose proposal was shown this one."""
    query = """
SELECT p.task, min(p.step) FROM lineage AS l JOIN proposal AS p ON p.step = l.step AND p.position = l.position
WHERE l.reference = ? AND p.task IS NOT NULL GROUP BY p.task ORDER BY 2 LIMIT ?"""
    return [(string(name), whole(step)) for name, step in journal.rows(query, identity, most)]


def peers(journal: Journal, role: Role, mode: str, step: int) -> Peers:
    """Mean and deviation of all rewards of a role and a mode in one step."""
    source = (
        "JOIN proposal AS p ON p.step = t.step AND p.position = t.position WHERE p.mode = ?"
        if role == "propose"
        else "JOIN attempt AS p ON p.step = t.step AND p.position = t.position JOIN task ON task.id = p.task "
        "WHERE task.mode = ?"
    )
    query = f"SELECT sum(t.value) FROM term AS t {source} AND t.step = ? AND t.role = ? GROUP BY t.position"
    return _peers(journal.rows(query, mode, step, role))


def peers_of_prompt(journal: Journal, role: Role, step: int, position: int) -> Peers:
    """Mean and deviation of the rewards of all rollouts of one prompt in one step: what GRPO compares."""
    query = """
SELECT sum(t.value) FROM reward AS r JOIN term AS t ON t.step = r.step AND t.role = r.role AND t.position = r.position
WHERE r.step = ? AND r.role = ?
    AND r."group" = (SELECT "group" FROM reward WHERE step = ? AND role = ? AND position = ?)
GROUP BY t.position"""
    return _peers(journal.rows(query, step, role, step, role, position))


def _peers(rows: list[SqlRow]) -> Peers:
    rewards = [figure(value) for (value,) in rows]
    mean = sum(rewards) / len(rewards) if rewards else math.nan
    variance = sum((reward - mean) ** 2 for reward in rewards) / max(len(rewards) - 1, 1)
    return Peers(len(rewards), mean, math.sqrt(variance))


def _cases(text: StoredText) -> tuple[tuple[tuple[str, str], ...], int]:
    """The first cases of a task, and how many more there are."""
    try:
        rows = json.loads(text.text)
        pairs = tuple((str(given)[:_LONG], str(result)[:_LONG]) for given, result in rows[:_CASES])
    except (ValueError, TypeError, RecursionError):
        return ((("(too long to be shown here)" if not text.whole else "(damaged)"), ""),), 0
    return pairs, len(rows) - len(pairs)
