"""The journal's writer: a step in, one transaction."""

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple
from pathlib import Path

from abzero.run.journal.changes import changes, is_change
from abzero.run.journal.schema import OF_A_STEP, connect, digest, explained, figure, pack, transaction
from abzero.types import Attempt, Experience, Proposal, Role, Step, Task

BoundRow = tuple[str | int | float | None, ...]


class JournalWriter:
    """Owns the one writing connection to ``run.db``. Every method raises `RunError` with its remedy."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path, read_only=False)
        self._recent: _Recent | None = None

    def describe(self, about: Mapping[str, str], step: int = 0) -> list[str]:
        """Note what holds for the whole run: version, config, isolation, machine; a later note replaces an earlier.

        Settings of ``about["config"]`` that differ from those noted before are noted as changed from `step` on, the
        next that is taken; returns these notes in words.
        """
        with transaction(self._connection, self._path):
            noted = dict(self._connection.execute("SELECT key, value FROM about"))
            found = changes(noted, about["config"], step) if "config" in about else {}
            stale = [(key,) for key in noted if is_change(key) and key not in found]
            self._connection.executemany("DELETE FROM about WHERE key = ?", stale)
            about = {**about, **found}
            self._connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())
            return [f"{key} {value}" for key, value in found.items() if noted.get(key) != value]

    def seed(self, tasks: Iterable[Task]) -> None:
        """Store tasks that no proposal of this run made, as known from step 0 on."""
        with self._entry(0) as entry:
            for task in tasks:
                entry.task(task)

    def write(self, step: Step) -> None:
        """Commit all of `step`, or nothing. A step that the journal holds already is refused."""
        with self._entry(step.number) as entry:
            self._connection.execute("INSERT INTO step VALUES (?)", (step.number,))
            for position, proposal in enumerate(step.proposals):
                entry.proposal(position, proposal)
            for position, attempt in enumerate(step.attempts):
                entry.attempt(position, attempt)
            for experience in step.experiences:
                entry.reward(experience)
            entry.figures("metric", step.metrics)
            entry.figures("clock", step.clock)
            alarms = enumerate(step.alarms)
            entry.rows("alarm", [(step.number, place, alarm.name, alarm.message) for place, alarm in alarms])
            findings = enumerate(step.findings)
            entry.rows("finding", [(step.number, place, *astuple(finding)) for place, finding in findings])

    def recent_metrics(self, steps: int) -> list[dict[str, float]]:
        """The metrics of the last `steps` self-play steps, oldest first; the seeding, step 0, is not one of them."""
        with explained(self._path):
            query = "SELECT number FROM step WHERE number > 0 ORDER BY number DESC LIMIT ?"
            numbers = [number for (number,) in self._connection.execute(query, (steps,))]
            query = "SELECT name, value FROM metric WHERE step = ?"
            rows = [self._connection.execute(query, (number,)).fetchall() for number in reversed(numbers)]
            return [{name: figure(value) for name, value in row} for row in rows]

    def past(self) -> tuple[int, dict[str, float]]:
        """How many alarms the run raised so far, and the seconds it spent by phase, the seeding's included."""
        with explained(self._path):
            [alarms] = self._connection.execute("SELECT count(*) FROM alarm").fetchone()
            query = "SELECT name, sum(value) FROM clock WHERE name GLOB 'seconds/*' GROUP BY name"
            return alarms, {name: figure(value) for name, value in self._connection.execute(query)}

    def truncate(self, after_step: int) -> None:
        """Forget every step after `after_step`, as if it had never been: a resumed run will write them again."""
        self._recent = None
        with transaction(self._connection, self._path):
            for table in ("clock", *OF_A_STEP):
                column = "number" if table == "step" else "step"
                self._connection.execute(f"DELETE FROM {table} WHERE {column} > ?", (after_step,))

    def close(self) -> None:
        """Fold the write-ahead log into the file. Idempotent."""
        with explained(self._path):
            self._connection.close()

    @contextmanager
    def _entry(self, step: int) -> Iterator["_Entry"]:
        with transaction(self._connection, self._path):
            recent, self._recent = self._recent or _Recent(self._connection), None
            yield _Entry(self._connection, step, recent)
        self._recent = recent


class _Recent:
    """The ids of the last texts written, by digest: what a new text is compared with.

    An index of all digests would make a step cost more the longer the run. Read from the table, it is the same after
    a resume.
    """

    _MOST = 10_000

    def __init__(self, connection: sqlite3.Connection) -> None:
        newest = connection.execute("SELECT digest, id FROM text ORDER BY id DESC LIMIT ?", (self._MOST,)).fetchall()
        self._ids: OrderedDict[bytes, int] = OrderedDict(reversed(newest))

    def get(self, digest: bytes) -> int | None:
        return self._ids.get(digest)

    def add(self, digest: bytes, number: int) -> None:
        self._ids[digest] = number
        if len(self._ids) > self._MOST:
            self._ids.popitem(last=False)


class _Entry:
    """One step on its way into the tables, inside a transaction."""

    def __init__(self, connection: sqlite3.Connection, step: int, recent: _Recent) -> None:
        self._connection = connection
        self._step = step
        self._recent = recent
        self._texts: dict[str, int] = {}
        self._tasks: dict[int, str] = {}

    def rows(self, table: str, rows: Sequence[BoundRow]) -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def figures(self, table: str, values: Mapping[str, float]) -> None:
        self.rows(table, [(self._step, name, float(value)) for name, value in sorted(values.items())])

    def proposal(self, position: int, proposal: Proposal) -> None:
        rollout = proposal.rollout
        row = (
            *(self._step, position, proposal.mode, self.text(proposal.prompt), self.text(rollout.text)),
            *(len(rollout.tokens), rollout.finish, rollout.version),
            None if proposal.task is None else self.task(proposal.task),
            None if proposal.rejection is None else self.text(proposal.rejection.reason),
            *(proposal.well_formed, proposal.solve_rate, proposal.excluded, proposal.new),
            *(proposal.novelty.repeats, proposal.novelty.answer_share),
        )
        self.rows("proposal", [row])
        self.fault("propose", position, proposal.rejection.fault if proposal.rejection else "")
        edges = enumerate(proposal.references)
        self.rows("lineage", [(self._step, position, place, self.task(task)) for place, task in edges])

    def attempt(self, position: int, attempt: Attempt) -> None:
        rollout = attempt.rollout
        row = (
            *(self._step, position, self.task(attempt.task), self.text(attempt.prompt), self.text(rollout.text)),
            *(len(rollout.tokens), rollout.finish, rollout.version),
            *(self.text(attempt.answer), attempt.score, attempt.well_formed, attempt.proposal),
        )
        self.rows("attempt", [row])
        self.fault("solve", position, attempt.fault)

    def fault(self, role: Role, position: int, name: str) -> None:
        self.rows("fault", [(self._step, role, position, name)] if name else [])

    def reward(self, experience: Experience) -> None:
        key = (self._step, *experience.source)
        self.rows("reward", [(*key, experience.group, experience.advantage)])
        terms = enumerate(experience.terms)
        self.rows("term", [(*key, place, name, float(value)) for place, (name, value) in terms])

    def task(self, task: Task) -> str:
        """The id of `task`, which is in the journal from now on."""
        if id(task) not in self._tasks:
            cases = json.dumps([[case.input, case.output] for case in task.cases])
            known = self._connection.execute("SELECT 1 FROM task WHERE id = ?", (task.id,)).fetchone()
            if not known:
                texts = (self.text(task.program), self.text(cases), self.text(task.message))
                self.rows("task", [(task.id, self._step, task.mode, *texts)])
            self._tasks[id(task)] = task.id
        return self._tasks[id(task)]

    def text(self, text: str) -> int:
        """The row that holds `text`, stored once among the last texts of a run."""
        if text not in self._texts:
            key = digest(text)
            number = self._recent.get(key)
            if number is None:
                [number] = self._connection.execute(_NEW_TEXT, (self._step, key, pack(text))).fetchone()
                self._recent.add(key, number)
            self._texts[text] = number
        return self._texts[text]


_NEW_TEXT = "INSERT INTO text (step, digest, body) VALUES (?, ?, ?) RETURNING id"


def copy_journal(path: Path, to: Path) -> None:
    """Write a copy of the journal at `path` as it is now. Raises `RunError`."""
    with closing(connect(path, read_only=True)) as source, explained(to), closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
