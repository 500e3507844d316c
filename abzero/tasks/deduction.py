"""Deduction: given a program and its input, predict the output."""

from collections.abc import Sequence
from dataclasses import dataclass

from abzero.python import literals
from abzero.python.entry import entry_of
from abzero.sandbox.run import Check
from abzero.tasks import parsing
from abzero.tasks.base import Same, identity, show_references, triplet
from abzero.tasks.prompts import Prompts
from abzero.tasks.validation import returned
from abzero.types import Task


@dataclass(frozen=True)
class Deduction:
    prompts: Prompts
    max_output: int = 400
    same: Same = literals.same
    redundant_steps: bool = True
    """Whether a program may have steps that the result does not need."""
    strip_comments: bool = False
    """Whether programs lose their comments and docstrings, in which a proposer could tell its solver the answer."""

    mode = "deduction"
    sources = ("deduction",)
    shares_seeds_with = ("abduction",)
    needs_reference = False
    truth = staticmethod(returned)
    seed = identity("deduction", "'Hello world'")

    def propose(self, references: Sequence[Task]) -> str:
        return self.prompts.converse("propose_deduction", references=show_references(self.prompts, references))

    def construct(self, answer: str, references: Sequence[Task]) -> Check[Task]:
        return triplet(self.mode, answer, self.max_output, self.redundant_steps, self.strip_comments)

    def ask(self, task: Task) -> str:
        return self.prompts.converse(
            "solve_deduction", program=task.program, entry=entry_of(task.program), input=task.cases[0].input
        )

    def answer(self, task: Task) -> str:
        return task.cases[0].output

    def grade(self, task: Task, answer: str) -> Check[float]:
        predicted = parsing.literal(parsing.block_or_all(answer, "output"))
        yield []
        return float(self.same(predicted, task.cases[0].output))
