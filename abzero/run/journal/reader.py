"""The journal's reader: what show, replay and the report ask of a run, as frozen records."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from abzero.errors import RunError
from abzero.run.journal.guarded import checked, kinds
from abzero.run.journal.names import current, former
from abzero.run.journal.records import Attempted, ProposalSummary, Proposed, Rewarded
from abzero.run.journal.schema import OF_A_STEP, TABLES, connect, digest, explained, figure, unpack
from abzero.types import Alarm, Case, Finding, Role, Task

StoredRow = tuple[str | int | float | bytes | None, ...]


class JournalReader:
    """Owns a reading connection to ``run.db``; the run may go on writing. Every method raises `RunError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path, read_only=True)
        self._connection.row_factory = partial(checked, known=kinds(TABLES))
        self._room = MOST_TEXT

    def close(self) -> None:
        self._connection.close()

    def about(self) -> dict[str, str]:
        """What `JournalWriter.describe` noted; ``config`` is an object of settings as JSON, if it is there."""
        found = {
            key: str(value) for key, value in self._rows("SELECT key, CAST(value AS TEXT) FROM about ORDER BY key")
        }
        if "config" in found and not _is_settings(found["config"]):
            raise RunError(f"{self._path}: the journal is damaged: its config is no object of settings")
        return found

    def steps(self) -> list[int]:
        """The numbers of all recorded steps, ascending."""
        return [number for (number,) in self._rows("SELECT number FROM step ORDER BY number")]

    def last_step(self) -> int | None:
        return max(self.steps(), default=None)

    def series(self, name: str) -> list[tuple[int, float]]:
        """(step, value) of one metric or clock figure, ascending; steps that did not log it are left out."""
        query = "SELECT step, value FROM {} WHERE name = ? ORDER BY step"
        rows = self._rows(query.format("metric"), name) or self._rows(query.format("clock"), name)
        rows += self._rows(query.format("metric"), former(name)) if former(name) != name else []
        return sorted((step, figure(value)) for step, value in rows)

    def names(self) -> list[str]:
        """The names of all metrics and clock figures that this run has logged."""
        rows = self._rows("SELECT name FROM metric UNION SELECT name FROM clock")
        return sorted({current(name) for (name,) in rows})

    def metrics(self, step: int) -> dict[str, float]:
        """The deterministic figures of one step."""
        rows = self._rows("SELECT name, value FROM metric WHERE step = ? ORDER BY name", step)
        return {current(name): figure(value) for name, value in rows}

    def alarms(self) -> list[Alarm]:
        return [Alarm(*row) for row in self._rows("SELECT step, name, message FROM alarm ORDER BY step, place")]

    def findings(self, step: int) -> list[Finding]:
        """What monitors saw in the completions of `step`, in order."""
        return [Finding(*row) for row in self._rows(_FINDINGS, step)]

    def task(self, prefix: str) -> Task:
        """The task whose id begins with `prefix`. Raises `RunError` unless there is exactly one."""
        found, self._room = self._rows(_TASK, prefix, prefix + "g"), MOST_TEXT
        if not found:
            raise RunError(f"{self._path}: no task whose id begins with {prefix!r}; --step N shows ids of its")
        if len(found) > 1:
            those = "".join(f"\n  {one[0]}  {one[1]}" for one in found[:_CANDIDATES])
            more = "\n  …" if len(found) > _CANDIDATES else ""
            raise RunError(f"{self._path}: several tasks have an id that begins with {prefix!r}:{those}{more}")
        [(identity, mode, *bodies)] = found
        program, cases, message = map(self._text, bodies)
        task = Task(mode, program, self._cases(cases), message)
        if task.id != identity:
            raise RunError(f"{self._path}: task {identity} is damaged: its text has the id {task.id}")
        return task

    def first_seen(self, task: str) -> int:
        """The step at which `task` (a whole id) entered the journal; 0 for a seed."""
        [(step,)] = self._rows("SELECT step FROM task WHERE id = ?", task)
        return int(step)

    def tasks(self) -> list[tuple[str, int]]:
        """(id, step first seen) of every task of the run, in the order of their steps."""
        return [(task, step) for task, step in self._rows("SELECT id, step FROM task ORDER BY step, id")]

    def proposals(self, step: int) -> list[Proposed]:
        """Everything proposed in `step`, in order."""
        return self._proposals("p.step = ?", step)

    def proposal(self, step: int, position: int) -> Proposed:
        """One proposal by its address. Raises `RunError` if there is none."""
        found = self._proposals("p.step = ? AND p.position = ?", step, position)
        return found[0] if found else self._missing("proposal", step, position)

    def proposals_of(self, task: str) -> list[Proposed]:
        """Every proposal that became `task` (a whole id), the first one first; none for a seed."""
        return self._proposals("p.task = ?", task)

    def summaries(self) -> Iterator[ProposalSummary]:
        """Every proposal of the run, in order, in few words."""
        programs: dict[str, str] = {}
        self._room = MOST_TEXT
        for step, mode, task, body, rate in self._rows(_SUMMARIES):
            if task and task not in programs:
                programs[task] = self._text(body)
            yield ProposalSummary(step, mode, task, programs[task] if task else None, rate)

    def attempts(self, step: int) -> list[Attempted]:
        """Every attempt of `step`, in order."""
        return self._attempts("a.step = ?", step)

    def attempt(self, step: int, position: int) -> Attempted:
        """One attempt by its address. Raises `RunError` if there is none."""
        found = self._attempts("a.step = ? AND a.position = ?", step, position)
        return found[0] if found else self._missing("attempt", step, position)

    def attempts_at(self, task: str) -> list[Attempted]:
        """Every attempt at `task` (a whole id), in order of time."""
        return self._attempts("a.task = ?", task)

    def children(self, task: str) -> list[str]:
        """The ids of the tasks that were proposed with `task` (a whole id) among their references."""
        return [child for (child,) in self._rows(_CHILDREN, task)]

    def altered_texts(self) -> Iterator[tuple[int, int]]:
        """(id, step) of every text that is not the one that was written, by the digest beside it."""
        with explained(self._path):
            for number, step, kept, body in self._connection.execute(
                "SELECT id AS number, step, digest, body FROM text"
            ):
                if digest(unpack(body)) != kept:
                    yield number, step

    def dump(self) -> Iterator[tuple[str, StoredRow]]:
        """Every row of every step, as (table, row) in a fixed order, wall-clock figures left out.

        A run that was killed and resumed dumps the same as one that never was.
        """
        for table in OF_A_STEP:
            cursor = self._connection.cursor()
            cursor.row_factory = None
            with explained(self._path):
                query = f"SELECT * FROM {table} ORDER BY {'number' if table == 'step' else '1, 2, 3'}"
                rows = cursor.execute(query).fetchall()
            for row in rows:
                yield table, row

    def _missing(self, table: str, step: int, position: int) -> NoReturn:
        [(count,)] = self._rows(f"SELECT count(*) FROM {table} WHERE step = ?", step)
        held = f"step {step} has {table}s 0 to {count - 1}" if count else f"step {step} has none"
        raise RunError(f"{self._path}: there is no {table} {step}/{position}: {held}")

    def _proposals(self, where: str, *values: str | int) -> list[Proposed]:
        found, self._room = [], MOST_TEXT
        for row in self._rows(f"{_PROPOSALS} WHERE {where} ORDER BY p.step, p.position", *values):
            step, position, mode, prompt, completion, tokens, finish, version, task, error, *rest = row
            well_formed, rate, ours, new, repeats, share, samples, fault = rest
            edges = self._rows("SELECT reference FROM lineage WHERE step = ? AND position = ? ORDER BY place", *row[:2])
            proposed = Proposed(
                *(step, position, mode, self._text(prompt), self._text(completion), tokens, finish, version, task),
                error=None if error is None else self._text(error),
                well_formed=bool(well_formed),
                solve_rate=rate,
                samples=samples,
                ours=None if ours is None else bool(ours),
                new=None if new is None else bool(new),
                repeats=repeats,
                answer_share=share,
                references=tuple(reference for (reference,) in edges),
                reward=self._reward(step, "propose", position),
                fault=fault or "",
            )
            found.append(proposed)
        return found

    def _attempts(self, where: str, *values: str | int) -> list[Attempted]:
        found, self._room = [], MOST_TEXT
        for row in self._rows(f"{_ATTEMPTS} WHERE {where} ORDER BY a.step, a.position", *values):
            step, position, task, mode, prompt, completion, tokens, finish, version, answer, score, formed, *rest = row
            of, fault = rest
            attempted = Attempted(
                *(step, position, task, mode, self._text(prompt), self._text(completion), tokens, finish, version),
                answer=self._text(answer),
                score=score,
                well_formed=bool(formed),
                proposal=of,
                reward=self._reward(step, "solve", position),
                fault=fault or "",
            )
            found.append(attempted)
        return found

    def _reward(self, step: int, role: Role, position: int) -> Rewarded | None:
        key = (step, role, position)
        rows = self._rows(f'SELECT "group", advantage FROM reward {_KEY}', *key)
        terms = self._rows(f"SELECT name, value FROM term {_KEY} ORDER BY place", *key)
        named = tuple((name, figure(value)) for name, value in terms)
        return Rewarded(named, figure(rows[0][1]), rows[0][0]) if rows else None

    def _cases(self, text: str) -> tuple[Case, ...]:
        try:
            cases = tuple(Case(*pair) for pair in json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise RunError(f"{self._path}: a task is damaged: its cases cannot be read ({error})") from error
        if not all(isinstance(part, str) for case in cases for part in (case.input, case.output)):
            raise RunError(f"{self._path}: a task is damaged: its cases are not text")
        return cases

    def _text(self, body: object) -> str:
        with explained(self._path):
            text = unpack(body)
        self._room -= len(text)
        if self._room < 0:
            raise RunError(f"{self._path}: more than {MOST_TEXT >> 20} MiB of text at once: it is not shown")
        return text

    def _rows(self, query: str, *values: str | int) -> list[Any]:
        with explained(self._path):
            return self._connection.execute(query, values).fetchall()


def _is_settings(text: str) -> bool:
    """Whether `text` is a JSON object of values and of groups of values."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return False
    groups = [value for value in tree.values() if isinstance(value, dict)] if isinstance(tree, dict) else [{"": tree}]
    return not any(isinstance(value, dict) for group in groups for value in group.values()) and isinstance(tree, dict)


MOST_TEXT = 512 << 20
"""Characters of all the texts of one answer of the reader: a step of a large run has a tenth."""
_CANDIDATES = 20
"""Tasks that are named where an id's first digits fit several."""
_KEY = "WHERE step = ? AND role = ? AND position = ?"
_PROPOSALS = """
SELECT p.step, p.position, p.mode, prompt.body, completion.body, p.tokens, p.finish, p.version, p.task, error.body,
    p.well_formed, p.solve_rate, p.ours, p.new, p.repeats, p.answer_share,
    (SELECT count(*) FROM attempt AS a LEFT JOIN fault AS g
        ON g.step = a.step AND g.role = 'solve' AND g.position = a.position
        WHERE a.step = p.step AND a.proposal = p.position AND g.name IS NULL), fault.name
FROM proposal AS p JOIN text AS prompt ON prompt.id = p.prompt JOIN text AS completion ON completion.id = p.completion
    LEFT JOIN text AS error ON error.id = p.error
    LEFT JOIN fault ON fault.step = p.step AND fault.role = 'propose' AND fault.position = p.position"""
_SUMMARIES = """
SELECT p.step, p.mode, p.task, program.body, p.solve_rate
FROM proposal AS p LEFT JOIN task ON task.id = p.task LEFT JOIN text AS program ON program.id = task.program
ORDER BY p.step, p.position"""
_ATTEMPTS = """
SELECT a.step, a.position, a.task, task.mode, prompt.body, completion.body, a.tokens, a.finish, a.version, answer.body,
    a.score, a.well_formed, a.proposal, fault.name
FROM attempt AS a JOIN task ON task.id = a.task JOIN text AS prompt ON prompt.id = a.prompt
    JOIN text AS completion ON completion.id = a.completion JOIN text AS answer ON answer.id = a.answer
    LEFT JOIN fault ON fault.step = a.step AND fault.role = 'solve' AND fault.position = a.position"""
_FINDINGS = """
SELECT role, position, part, "begin", "end", tier, source, category, severity, score
FROM finding WHERE step = ? ORDER BY place"""
_TASK = f"""
SELECT task.id, task.mode, program.body, cases.body, message.body
FROM task JOIN text AS program ON program.id = task.program JOIN text AS cases ON cases.id = task.cases
    JOIN text AS message ON message.id = task.message
WHERE task.id >= ? AND task.id < ? ORDER BY task.id LIMIT {_CANDIDATES + 1}"""
_CHILDREN = """
SELECT DISTINCT p.task FROM lineage AS l JOIN proposal AS p ON p.step = l.step AND p.position = l.position
WHERE l.reference = ? AND p.task IS NOT NULL ORDER BY p.step, p.position"""
