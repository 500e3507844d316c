"""What `abzero show --json` prints: a run, a step, a task or a rollout as plain data."""

import json
from dataclasses import asdict

from abzero.errors import RunError
from abzero.run.journal import JournalReader
from abzero.views.rows import JsonRow, attempt_row, proposal_row, rollouts, task_row


def run_json(reader: JournalReader) -> JsonRow:
    """The run: what it is, its steps, the figures of the newest one, its alarms."""
    about, steps = reader.about(), reader.steps()
    try:
        settings = json.loads(about.pop("config", "{}"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"the journal's settings are damaged: {error}") from error
    return {
        "about": about,
        "settings": settings,
        "steps": steps,
        "metrics": reader.metrics(steps[-1]) if steps else {},
        "alarms": [asdict(alarm) for alarm in reader.alarms()],
    }


def step_json(reader: JournalReader, number: int) -> JsonRow:
    """A step: its figures and all its rollouts. Raises `RunError` where there is no such step."""
    if number not in reader.steps():
        raise RunError(f"the journal holds no step {number}")
    return {"step": number, "metrics": reader.metrics(number), "rollouts": list(rollouts(reader, [number]))}


def task_json(reader: JournalReader, prefix: str) -> JsonRow:
    """A task: itself, where it came from, and every attempt at it. Raises `RunError`."""
    task = reader.task(prefix)
    return {
        **task_row(task),
        "first_seen": reader.first_seen(task.id),
        "proposals": [proposal_row(one, task) for one in reader.proposals_of(task.id)],
        "attempts": [attempt_row(one, task) for one in reader.attempts_at(task.id)],
        "children": reader.children(task.id),
    }


def proposal_json(reader: JournalReader, step: int, position: int) -> JsonRow:
    """A proposal as `dump` has it. Raises `RunError`."""
    proposed = reader.proposal(step, position)
    task = reader.task(proposed.task) if proposed.task else None
    return proposal_row(proposed, task, reader.findings(step))


def attempt_json(reader: JournalReader, step: int, position: int) -> JsonRow:
    """An attempt as `dump` has it. Raises `RunError`."""
    attempted = reader.attempt(step, position)
    return attempt_row(attempted, reader.task(attempted.task), reader.findings(step))
