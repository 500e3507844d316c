"""The suite ``nursery``: held-out programs of one to six statements, in each of which every statement matters.

The test split is for claims, the dev split for tuning; they share no program with each other or with the corpus
(programs of one statement apart, which are all known: there only names and arguments are new).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from abzero.sandbox.base import Sandbox
from abzero.sandbox.run import run_checks
from abzero.tasks import TaskType, parsing
from abzero.tiny import grammar
from abzero.tiny.grammar import Program, Value
from abzero.tiny.splits import Split, has_held_out_pair, split_of
from abzero.types import Case, Task

LENGTHS = (1, 2, 3, 4, 5, 6)
TRIALS = 8
"""Arguments on which a program is tried to see that it is not constant."""


@dataclass(frozen=True, slots=True)
class Question:
    """A held-out task of `k` statements."""

    task: Task
    k: int
    prompt: str

    @property
    def mode(self) -> str:
        return self.task.mode


_DRAWN_AS = {"dev": "watch"}
"""A split by the name that it had when its problems were first drawn, so that they stay the same."""


@dataclass(frozen=True)
class Nursery:
    """`n` problems for each of `types` and each number of statements, drawn with `seed`."""

    types: Sequence[TaskType]
    split: Split = "test"
    seed: int = 0
    n: int = 300
    lengths: Sequence[int] = LENGTHS
    inputs: int = 6
    """Pairs of an induction problem; the first half is shown."""

    @cached_property
    def _questions(self) -> list[Question]:
        return [
            Question(task, k, task_type.ask(task))
            for task_type in self.types
            for k in self.lengths
            for task in self._tasks(
                task_type.mode,
                k,
                random.Random(f"{self.seed}/{_DRAWN_AS.get(self.split, self.split)}/{task_type.mode}/{k}"),
            )
        ]

    def problems(self) -> list[Question]:
        return self._questions

    def grade(self, asked: Sequence[tuple[Question, str]], sandbox: Sandbox) -> list[float]:
        by_mode = {task_type.mode: task_type for task_type in self.types}
        checks = [by_mode[question.mode].grade(question.task, parsing.answer(text)) for question, text in asked]
        return [score if isinstance(score, float) else 0.0 for score in run_checks(checks, sandbox)]

    def baseline(self, problem: Question) -> str:
        """An echo: the argument as output, the output as argument, and the identity as program."""
        case = problem.task.cases[0]
        answers = {
            "deduction": case.input,
            "abduction": case.output,
            "induction": "<program>def f(x):\n    return x</program>",
        }
        return f"</think><answer>{answers[problem.mode]}</answer>"

    def remarks(self, problem: Question, completion: str, score: float) -> Mapping[str, float]:
        """``traced``: right, by a trace of all the statements. ``greedy, new pair``: programs with an unseen pair."""
        pairs = {"greedy, new pair": score} if has_held_out_pair(problem.task.program) else {}
        return {"traced": score * traced(problem.task, completion), **pairs}

    def _tasks(self, mode: str, k: int, rng: random.Random) -> list[Task]:
        tasks: dict[str, Task] = {}
        while len(tasks) < self.n:
            program = grammar.draw_program(k, rng)
            if k > 1 and split_of(program.source) != self.split:
                continue
            count = self.inputs if mode == "induction" else 1
            if (arguments := _arguments(program, mode, count, rng)) is not None:
                cases = tuple(Case(repr(a), repr(grammar.run(program.operations, a))) for a in arguments)
                task = Task(mode, program.source, cases)
                tasks[task.id] = task
        return list(tasks.values())


def traced(task: Task, completion: str) -> bool:
    """Whether the thought holds each of the program's statements, once and in order; in abduction from the last on.

    Of an induction, the statements are those of the program that was answered.
    """
    thought, _, answer = completion.partition("</think>")
    lines = [line.strip() for line in thought.split("\n")]
    steps = [line.partition(" -> ")[0].partition(" <- ")[0] for line in lines if " -> " in line or " <- " in line]
    program = task.program if task.mode != "induction" else answer.partition("<program>")[2].partition("</program>")[0]
    statements = [line.strip() for line in program.split("\n")[1:-1]]
    return bool(statements) and steps == (statements[::-1] if task.mode == "abduction" else statements)


def _arguments(program: Program, mode: str, count: int, rng: random.Random) -> list[Value] | None:
    """Different arguments for one problem; ``None`` where `program` makes no good one.

    On the first of them every statement matters; the program is not constant; in abduction its output is no solution.
    """
    first = grammar.draw_run(program, rng)
    if first is None or not grammar.every_statement_matters(program, first[0]):
        return None
    output = first[1][-1]
    if mode == "abduction" and grammar.run(program.operations, output) == output:
        return None
    others = [found for _ in range(TRIALS) if (found := grammar.draw_run(program, rng))]
    if all(values[-1] == output for _, values in others):
        return None
    arguments = [first[0]]
    for argument, _ in others:
        if argument not in arguments and len(arguments) < count:
            arguments.append(argument)
    return arguments if len(arguments) == count else None
