"""The seam of task types. Sans-IO: a type yields the calls it needs and is handed the outcomes."""

from collections.abc import Callable, Sequence
from typing import Protocol

from abzero.python.source import without_remarks
from abzero.sandbox.base import Outcome
from abzero.sandbox.run import Check
from abzero.tasks import parsing
from abzero.tasks.prompts import Prompts
from abzero.tasks.validation import Truth, returned, verified, without_redundant_steps
from abzero.types import Case, Task

Same = Callable[[str, str], bool]
"""Whether two literals, given as text, count as the same value."""

IDENTITY = "def f(a):\n    return a"
"""The program of the one triplet from which everything starts (section 3.3.1 of the paper)."""


class TaskType(Protocol):
    """One mode of reasoning: how its tasks are proposed, verified, asked and graded."""

    @property
    def mode(self) -> str:
        """Its name, and the partition of the buffer that keeps its tasks."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The partitions that its references are drawn from."""

    @property
    def shares_seeds_with(self) -> tuple[str, ...]:
        """Modes for which a task of this one is a task, too: they share their seeds (section 3.3.1 of the paper)."""

    @property
    def needs_reference(self) -> bool:
        """Whether a proposal is about one given program, and so needs exactly one reference."""

    @property
    def seed(self) -> Task:
        """The identity task of this mode."""

    def propose(self, references: Sequence[Task]) -> str:
        """The prompt that asks for a new task, different from `references`."""

    def construct(self, answer: str, references: Sequence[Task]) -> Check[Task]:
        """The verified task that `answer` proposes. Raises `ModelError`."""

    def truth(self, outcome: Outcome) -> str:
        """What a case's ``output`` records of a verified run: `returned`, the literal that came back, for most types.

        Raises `Rejected` for an outcome that makes no task of this mode.
        """

    def ask(self, task: Task) -> str:
        """The prompt that asks to solve `task`; it does not hold the answer."""

    def answer(self, task: Task) -> str:
        """What `task` asks for, as text; how often it is the same tells how diverse the tasks are."""

    def grade(self, task: Task, answer: str) -> Check[float]:
        """The score of `answer`, in [0, 1]. Raises `Malformed` if it does not have the shape of one, and `Unsteady` if
        the task itself turns out to be none.
        """


def show_references(prompts: Prompts, references: Sequence[Task]) -> str:
    """The first triplet of every reference, numbered."""
    return "".join(
        prompts.render(
            "reference",
            number=str(number),
            program=task.program,
            input=task.cases[0].input,
            output=task.cases[0].output,
        )
        for number, task in enumerate(references, 1)
    )


def triplet(
    mode: str,
    answer: str,
    max_output: int = 400,
    redundant_steps: bool = True,
    strip_comments: bool = False,
    truth: Truth = returned,
) -> Check[Task]:
    """The task of `mode` that a program block and an input block of `answer` make, and that may have
    `redundant_steps`; with `strip_comments`, its program has neither comments nor docstrings.
    """
    program = parsing.program(parsing.block(answer, "program"))
    if strip_comments:
        program = parsing.program(without_remarks(program))
    cases = yield from verified(program, [parsing.block(answer, "input")], max_output, truth)
    if not redundant_steps:
        yield from without_redundant_steps(program, cases[0])
    return Task(mode, program, cases)


def identity(mode: str, *values: str, message: str = "") -> Task:
    """The identity program as a task of `mode`, with one case for each of `values`."""
    return Task(mode, IDENTITY, tuple(Case(value, value) for value in values), message)
