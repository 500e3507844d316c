"""A rollout as one row of JSON: what `dump` writes, and `show --json` prints. docs/formats.md explains every field."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache

from abzero.run.journal import Attempted, JournalReader, Proposed, Rewarded
from abzero.text.thought import parted
from abzero.types import ROLES, Finding, Role, Task

JsonRow = dict[str, object]
"""Strings, numbers, booleans, ``None``, and lists and dicts of them."""


def rollouts(reader: JournalReader, steps: Iterable[int], roles: Sequence[Role] = ROLES) -> Iterator[JsonRow]:
    """A row for every proposal, then for every attempt, of each of `steps`."""

    @cache
    def task(identity: str) -> Task:
        return reader.task(identity)

    for step in steps:
        found = reader.findings(step)
        if "propose" in roles:
            for proposed in reader.proposals(step):
                yield proposal_row(proposed, task(proposed.task) if proposed.task else None, found)
        if "solve" in roles:
            for attempted in reader.attempts(step):
                yield attempt_row(attempted, task(attempted.task), found)
        task.cache_clear()


def proposal_row(proposed: Proposed, task: Task | None, findings: Sequence[Finding] = ()) -> JsonRow:
    return {
        **_head(proposed, "propose", findings),
        "task": task_row(task) if task else None,
        "verdict": verdict(proposed),
        "error": proposed.error,
        "solve_rate": proposed.solve_rate,
        "samples": proposed.samples,
        "references": list(proposed.references),
        "new": proposed.new,
        "ours": proposed.ours,
        "repeats": proposed.repeats,
        "answer_share": proposed.answer_share,
    }


def attempt_row(attempted: Attempted, task: Task, findings: Sequence[Finding] = ()) -> JsonRow:
    return {
        **_head(attempted, "solve", findings),
        "task": task_row(task),
        "verdict": verdict(attempted),
        "score": attempted.score,
        "judged": attempted.answer,
        "proposal": attempted.proposal,
    }


def task_row(task: Task) -> JsonRow:
    cases = [[case.input, case.output] for case in task.cases]
    return {"id": task.id, "mode": task.mode, "program": task.program, "cases": cases, "message": task.message}


def verdict(record: Proposed | Attempted) -> str:
    """``valid`` or ``rejected`` of a proposal; ``right``, ``partly``, ``wrong`` or ``malformed`` of an attempt.

    ``fault`` of either where abzero itself failed over it.
    """
    if record.fault:
        return "fault"
    if isinstance(record, Proposed):
        return "valid" if record.task else "rejected"
    if record.score is None:
        return "malformed"
    return "right" if record.score >= 1 else "wrong" if record.score <= 0 else "partly"


def to_json(value: object, indent: int | None = None) -> str:
    """`value` as JSON that every reader takes: ASCII, and ``null`` for what is no finite number."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _head(record: Proposed | Attempted, role: Role, findings: Sequence[Finding]) -> JsonRow:
    """What the rows of both roles begin with."""
    thought, answer = parted(record.completion)
    return {
        "step": record.step,
        "role": role,
        "position": record.position,
        "mode": record.mode,
        "prompt": record.prompt,
        "thought": thought,
        "answer": answer or "",
        "completion": record.completion,
        "well_formed": record.well_formed,
        "tokens": record.tokens,
        "finish": record.finish,
        "fault": record.fault or None,
        "version": record.version,
        "reward": _reward(record.reward),
        "findings": [asdict(one) for one in findings if (one.role, one.position) == (role, record.position)],
    }


def _reward(reward: Rewarded | None) -> JsonRow | None:
    if reward is None:
        return None
    terms: JsonRow = dict(reward.terms)
    return {"total": reward.total, "terms": terms, "advantage": reward.advantage, "group": reward.group}


def _finite(value: object) -> object:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): _finite(one) for key, one in value.items()}
        case list() | tuple():
            return [_finite(one) for one in value]
    return value
