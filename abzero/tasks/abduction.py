"""Abduction: given a program and its output, find an input that gives it. Any input that does is right."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.errors import Unsteady
from abzero.python import literals
from abzero.python.entry import entry_of
from abzero.sandbox.base import Call, Nondeterministic, Returned
from abzero.sandbox.run import Check
from abzero.tasks import parsing
from abzero.tasks.base import Same, identity, show_references, triplet
from abzero.tasks.prompts import Prompts
from abzero.tasks.validation import returned
from abzero.types import Task


@dataclass(frozen=True)
class Abduction:
    prompts: Prompts
    max_output: int = 400
    same: Same = literals.same
    redundant_steps: bool = True
    """Whether a program may have steps that the result does not need."""
    strip_comments: bool = False
    """Whether programs lose their comments and docstrings, in which a proposer could tell its solver the answer."""

    mode = "abduction"
    sources = ("abduction",)
    shares_seeds_with = ("deduction",)
    needs_reference = False
    truth = staticmethod(returned)
    seed = identity("abduction", "'Hello world'")

    def propose(self, references: Sequence[Task]) -> str:
        return self.prompts.converse("propose_abduction", references=show_references(self.prompts, references))

    def construct(self, answer: str, references: Sequence[Task]) -> Check[Task]:
        return triplet(self.mode, answer, self.max_output, self.redundant_steps, self.strip_comments)

    def ask(self, task: Task) -> str:
        return self.prompts.converse(
            "solve_abduction", program=task.program, entry=entry_of(task.program), output=task.cases[0].output
        )

    def answer(self, task: Task) -> str:
        return task.cases[0].input

    def grade(self, task: Task, answer: str) -> Check[float]:
        arguments = parsing.arguments(parsing.block_or_all(answer, "input"))
        [outcome] = yield [Call(task.program, arguments, verify=True, entry=entry_of(task.program))]
        if isinstance(outcome, Nondeterministic):
            raise Unsteady("the program gave different values on the answer's input")
        return float(isinstance(outcome, Returned) and self.same(outcome.value, task.cases[0].output))
