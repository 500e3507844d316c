"""The buffer: verified tasks by mode, the newest kept. Adding and drawing cost the same at any size."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from abzero.errors import RunError
from abzero.python.language import PYTHON, Language
from abzero.types import Case, Task

SamenessKey = Callable[[Task, Language], str]
"""Tasks of one mode with equal keys are the same task."""

Answer = Callable[[Task], str]
"""What a task asks for, as text: `TaskType.answer`."""


def exact_key(task: Task, language: Language = PYTHON) -> str:
    return task.id


def normal_key(task: Task, language: Language = PYTHON) -> str:
    """Like `exact_key`, but blind to comments, layout and the choice of local names."""
    return replace(task, program=language.normal_form(task.program)).id


def first_output(task: Task) -> str:
    """The answer of a task whose type says nothing else."""
    return task.cases[0].output


KEYS: dict[str, SamenessKey] = {"exact": exact_key, "normal": normal_key}


class Buffer:
    """Up to `capacity` tasks a mode; a full partition evicts its oldest, and forgets what it counted of it."""

    def __init__(
        self,
        capacity: int = 16_384,
        key: SamenessKey = normal_key,
        *,
        language: Language = PYTHON,
        answers: Mapping[str, Answer] | None = None,
    ) -> None:
        """`answers` says for each mode what a task of it asks for; for a mode that it lacks, the first output."""
        self._capacity = capacity
        self._key = key
        self._language = language
        self._answers = answers or {}
        self._partitions: dict[str, _Partition] = defaultdict(_Partition)
        self.withdrawn: set[Task] = set()
        """What was withdrawn in the present step."""

    def add(self, task: Task) -> bool:
        """Offer `task`; whether it was new and is kept."""
        return self._offer(task, self._key(task, self._language))

    def withdraw(self, task: Task) -> None:
        """Forget `task`, kept or not, which turned out to be none."""
        self.withdrawn.add(task)
        partition, row = self._partitions[task.mode], (task, self._key(task, self._language))
        if partition.remove(row):
            self._forget(partition, *row)

    def size(self, mode: str) -> int:
        return self._partitions[mode].size

    def sample(
        self, modes: Sequence[str], k: int, rng: random.Random, without: frozenset[str] = frozenset()
    ) -> list[Task]:
        """Draw `k` tasks of `modes` uniformly, without replacement, or all if fewer; none with an id in `without`."""
        partitions = [self._partitions[mode] for mode in modes]
        total = sum(partition.size for partition in partitions)
        places = rng.sample(range(total), min(k + len(without), total))
        drawn = (_at(partitions, place) for place in places)
        return [task for task in drawn if task.id not in without][:k]

    def repeats(self, task: Task) -> int:
        """How often a program of the same normal form has been offered in this mode, among what is kept."""
        return self._partitions[task.mode].programs[self._language.normal_form(task.program)]

    def answer_share(self, task: Task) -> float:
        """Share of the mode's tasks with the same answer."""
        partition = self._partitions[task.mode]
        return partition.answers[self._answer(task)] / partition.size if partition.size else 0.0

    def save(self, path: Path) -> None:
        """Write JSONL: one task a line, oldest first within its mode, with how often it was offered."""
        with path.open("w", encoding="utf-8") as file:
            for mode in sorted(self._partitions):
                partition = self._partitions[mode]
                for task, key in partition.rows[partition.start :]:
                    cases = [[case.input, case.output] for case in task.cases]
                    row = {"mode": task.mode, "program": task.program, "cases": cases, "message": task.message}
                    file.write(json.dumps({**row, "offered": partition.offered[key]}) + "\n")

    def load(self, path: Path) -> None:
        """Restore exactly what `save` wrote, in place of what is held now."""
        self._partitions.clear()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{path} cannot be read: {error}") from error
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                cases = tuple(Case(input, output) for input, output in row["cases"])
                task, offered = Task(row["mode"], row["program"], cases, row["message"]), int(row["offered"])
                texts = (task.mode, task.program, task.message, *(part for c in cases for part in (c.input, c.output)))
                if not all(isinstance(text, str) for text in texts):
                    raise TypeError("not text")
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise RunError(f"{path}, line {number}: not a task of the buffer") from error
            key = self._key(task, self._language)
            for _ in range(offered):
                self._offer(task, key)

    def _offer(self, task: Task, key: str) -> bool:
        partition = self._partitions[task.mode]
        partition.offered[key] += 1
        partition.programs[self._language.normal_form(task.program)] += 1
        if partition.offered[key] > 1:
            return False
        partition.rows.append((task, key))
        partition.answers[self._answer(task)] += 1
        if partition.size > self._capacity:
            self._forget(partition, *partition.pop())
        return True

    def _forget(self, partition: "_Partition", task: Task, key: str) -> None:
        """Take what was counted of a task out of `partition`, which no longer holds it."""
        _subtract(partition.programs, self._language.normal_form(task.program), partition.offered[key])
        _subtract(partition.offered, key, partition.offered[key])
        _subtract(partition.answers, self._answer(task), 1)

    def _answer(self, task: Task) -> str:
        return self._answers.get(task.mode, first_output)(task)


class _Partition:
    """The tasks of one mode. Evicted rows stay in front of `start` until they are half of the list."""

    def __init__(self) -> None:
        self.rows: list[tuple[Task, str]] = []
        self.start = 0
        self.offered: Counter[str] = Counter()
        self.programs: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()

    @property
    def size(self) -> int:
        return len(self.rows) - self.start

    def remove(self, row: tuple[Task, str]) -> bool:
        """Take out `row`, a task with its key; whether it was there."""
        for place in range(self.start, len(self.rows)):
            if self.rows[place] == row:
                del self.rows[place]
                return True
        return False

    def pop(self) -> tuple[Task, str]:
        """Take out the oldest task, with its key."""
        row = self.rows[self.start]
        self.start += 1
        if self.start * 2 > len(self.rows):
            self.rows = self.rows[self.start :]
            self.start = 0
        return row


def _at(partitions: Sequence[_Partition], place: int) -> Task:
    for partition in partitions:
        if place < partition.size:
            return partition.rows[partition.start + place][0]
        place -= partition.size
    raise IndexError(place)


def _subtract(counter: Counter[str], key: str, amount: int) -> None:
    counter[key] -= amount
    if counter[key] <= 0:
        del counter[key]
