"""Induction: given some input-output pairs and a message, write the program; it is judged on the hidden pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from abzero.errors import Malformed, Rejected
from abzero.python import copies, literals
from abzero.python.entry import entry_of
from abzero.sandbox.base import Call, Returned
from abzero.sandbox.run import Check
from abzero.tasks import parsing
from abzero.tasks.base import Same, identity
from abzero.tasks.prompts import Prompts
from abzero.tasks.validation import returned, verified
from abzero.types import Case, Task


def _mean(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)


SCORES: dict[str, Callable[[Sequence[bool]], float]] = {
    "binary": lambda hits: float(all(hits)),
    "accuracy": _mean,
    "any": lambda hits: float(any(hits)),
}
"""How the hidden pairs' hits become one score: the paper's, and the two variants of the reference."""


@dataclass(frozen=True)
class Induction:
    prompts: Prompts
    inputs: int = 10
    """How many inputs a proposal must give; the last so many count, the first half of them is shown to the solver."""
    max_output: int = 400
    same: Same = literals.same
    score: Callable[[Sequence[bool]], float] = SCORES["binary"]

    mode = "induction"
    sources = ("abduction", "deduction")
    shares_seeds_with = ()
    needs_reference = True
    truth = staticmethod(returned)
    seed = identity(
        "induction",
        "'Hello world'",
        "1",
        "{'a': 1, 'b': 2}",
        "(1.1, 1.2, 1.3)",
        "'[[1, 0, 0], [0, 0, 0], [0, 0, 0]]'",
        "1001101100010001",
        message="Write a function that returns whatever it is given.",
    )

    def propose(self, references: Sequence[Task]) -> str:
        return self.prompts.converse(
            "propose_induction",
            program=references[0].program,
            entry=entry_of(references[0].program),
            inputs=str(self.inputs),
        )

    def construct(self, answer: str, references: Sequence[Task]) -> Check[Task]:
        inputs = parsing.blocks(answer, "input")
        message = parsing.block(answer, "message")
        program = references[0].program
        if len(inputs) < self.inputs:
            raise Malformed(f"{len(inputs)} input blocks where {self.inputs} were asked for")
        if copies.holds(message, program):
            raise Rejected("the message gives the program away")
        cases = yield from verified(program, inputs[-self.inputs :], self.max_output)
        return Task(self.mode, program, cases, message)

    def ask(self, task: Task) -> str:
        pairs = "".join(self.prompts.render("pair", input=case.input, output=case.output) for case in shown(task))
        return self.prompts.converse("solve_induction", pairs=pairs, message=task.message)

    def answer(self, task: Task) -> str:
        return task.cases[0].output

    def grade(self, task: Task, answer: str) -> Check[float]:
        program = parsing.program(parsing.block(answer, "program", which=-1))
        entry = entry_of(program)
        outcomes = yield [Call(program, case.input, verify=True, entry=entry) for case in hidden(task)]
        hits = [
            isinstance(outcome, Returned) and self.same(outcome.value, case.output)
            for outcome, case in zip(outcomes, hidden(task), strict=True)
        ]
        return self.score(hits)


def shown(task: Task) -> tuple[Case, ...]:
    """The first half of the cases, rounded down: what the solver sees."""
    return task.cases[: len(task.cases) // 2]


def hidden(task: Task) -> tuple[Case, ...]:
    """The other cases: what the solver's program is judged on."""
    return task.cases[len(task.cases) // 2 :]
