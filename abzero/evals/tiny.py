"""The suite ``nursery``: held-out programs of one to six statements, in each of which every statement matters.

The test split is for claims, the dev split for tuning; they share no program with each other or with the corpus
(programs of one statement apart, which are all known: there only names and arguments are new).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from abzero.evals.base import Problem, Score, judge
from abzero.evals.results import Measurement, measurements
from abzero.policy.base import Generator
from abzero.sandbox.base import Sandbox
from abzero.sandbox.run import Check
from abzero.tasks import Abduction, Deduction, Induction, TaskType, parsing
from abzero.tasks.prompts import whole
from abzero.text.thought import parted
from abzero.tiny import grammar
from abzero.tiny.grammar import Program, TinyValue
from abzero.tiny.splits import Split, has_held_out_pair, split_of
from abzero.types import Case, Task

LENGTHS = (1, 2, 3, 4, 5, 6)
TRIALS = 8
"""Arguments on which a program is tried to see that it is not constant."""


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
    def _asked(self) -> dict[str, tuple[Problem, Task]]:
        """Each problem and its task, by its id: the length is part of it, since cells may share a short program."""
        made = [
            (Problem(f"{task.id}/{k}", task_type.ask(task), (task_type.mode, str(k))), task)
            for task_type in self.types
            for k in self.lengths
            for task in self._tasks(
                task_type,
                k,
                random.Random(f"{self.seed}/{_DRAWN_AS.get(self.split, self.split)}/{task_type.mode}/{k}"),
            )
        ]
        return {problem.id: (problem, task) for problem, task in made}

    def problems(self) -> list[Problem]:
        return [problem for problem, _ in self._asked.values()]

    def task(self, problem: Problem) -> Task:
        """The held-out task that `problem` asks about."""
        return self._asked[problem.id][1]

    def check(self, problem: Problem, completion: str) -> Check[Score]:
        task = self.task(problem)
        [task_type] = [one for one in self.types if one.mode == task.mode]
        value = yield from task_type.grade(task, parsing.answer(completion))
        return Score("correct" if value == 1.0 else "wrong", value)

    def baseline(self, problem: Problem) -> str:
        """A completion without thought: the argument as output, the output as argument, the identity as program."""
        task = self.task(problem)
        case = task.cases[0]
        answers = {
            Deduction.mode: case.input,
            Abduction.mode: case.output,
            Induction.mode: "<program>def f(x):\n    return x</program>",
        }
        return f"</think><answer>{answers[task.mode]}</answer>"

    def remarks(self, problem: Problem, completion: str, score: float) -> Mapping[str, float]:
        """``traced``: right, by a trace of all the statements. ``greedy, new pair``: programs with an unseen pair."""
        task = self.task(problem)
        pairs = {"greedy, new pair": score} if has_held_out_pair(task.program) else {}
        return {"traced": score * traced(task, completion), **pairs}

    def _tasks(self, task_type: TaskType, k: int, rng: random.Random) -> list[Task]:
        tasks: dict[str, Task] = {}
        while len(tasks) < self.n:
            program = grammar.draw_program(k, rng)
            if k > 1 and split_of(program.source) != self.split:
                continue
            count = self.inputs if isinstance(task_type, Induction) else 1
            if (arguments := _arguments(program, task_type, count, rng)) is not None:
                cases = tuple(Case(repr(a), repr(grammar.run(program.operations, a))) for a in arguments)
                task = Task(task_type.mode, program.source, cases)
                tasks[task.id] = task
        return list(tasks.values())


SAMPLES = 8
"""Answers to each problem at the sampling temperature, beside the greedy one."""


def evaluate(
    suite: Nursery, greedy: Generator, sampling: Generator, sandbox: Sandbox, rng: random.Random, samples: int = SAMPLES
) -> list[Measurement]:
    """Greedy accuracy, pass@1 and pass@`samples` at the sampling temperature, and the baseline, in every cell."""
    problems = suite.problems()
    prompts = [problem.prompt for problem in problems]
    first = [reply for [reply] in _replies(greedy, prompts, 1, rng)]
    several = _replies(sampling, prompts, samples, rng)

    def values(asked: Sequence[tuple[Problem, str]]) -> list[float]:
        return [score.value for score in judge(suite, asked, sandbox)]

    firsts = values(list(zip(problems, first, strict=True)))
    baselines = values([(problem, suite.baseline(problem)) for problem in problems])
    flat = values([(problem, text) for problem, texts in zip(problems, several, strict=True) for text in texts])
    measured = []
    for index, (problem, text) in enumerate(zip(problems, first, strict=True)):
        scores = flat[index * samples : (index + 1) * samples]
        figures = {
            "greedy": firsts[index],
            "pass@1": fmean(scores),
            f"pass@{samples}": max(scores),
            "baseline": baselines[index],
            **suite.remarks(problem, text, firsts[index]),
        }
        mode, k = problem.cell
        measured += [(mode, int(k), metric, value) for metric, value in figures.items()]
    return measurements(measured)


def _replies(generator: Generator, prompts: Sequence[str], n: int, rng: random.Random) -> list[list[str]]:
    """The texts of `n` replies to each prompt."""
    sampled = generator.generate(prompts, n, rng)
    return [[whole(prompt, one).text for one in some] for prompt, some in zip(prompts, sampled, strict=True)]


def traced(task: Task, completion: str) -> bool:
    """Whether the thought holds each of the program's statements, once and in order; in abduction from the last on.

    Of an induction, the statements are those of the program that was answered.
    """
    thought, rest = parted(completion)
    answer = rest or ""
    lines = [line.strip() for line in thought.split("\n")]
    steps = [line.partition(" -> ")[0].partition(" <- ")[0] for line in lines if " -> " in line or " <- " in line]
    program = (
        task.program if task.mode != Induction.mode else answer.partition("<program>")[2].partition("</program>")[0]
    )
    statements = [line.strip() for line in program.split("\n")[1:-1]]
    return bool(statements) and steps == (statements[::-1] if task.mode == Abduction.mode else statements)


def _arguments(program: Program, task_type: TaskType, count: int, rng: random.Random) -> list[TinyValue] | None:
    """Different arguments for one problem; ``None`` where `program` makes no good one.

    On the first of them every statement matters; the program is not constant; in abduction its output is no solution.
    """
    first = grammar.draw_run(program, rng)
    if first is None or not grammar.every_statement_matters(program, first[0]):
        return None
    output = first[1][-1]
    if isinstance(task_type, Abduction) and grammar.run(program.operations, output) == output:
        return None
    others = [found for _ in range(TRIALS) if (found := grammar.draw_run(program, rng))]
    if all(values[-1] == output for _, values in others):
        return None
    arguments = [first[0]]
    for argument, _ in others:
        if argument not in arguments and len(arguments) < count:
            arguments.append(argument)
    return arguments if len(arguments) == count else None
