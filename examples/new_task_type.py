"""A fourth task type: find a fixed point, a value that the program returns unchanged.

All that a task type is, in one file: how its tasks are proposed, verified, asked and graded. It never runs anything: it
yields the calls it needs and is handed their outcomes. The contract suite that tests the types in the box tests this
one, too (`tests/tasks/specimens.py`). Run it, with a policy that plays from a script: python examples/new_task_type.py
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from abzero.algo.advantages import trr_pp
from abzero.errors import Rejected
from abzero.policy.scripted import ScriptedGenerator, ScriptedLearner
from abzero.python import literals
from abzero.python.entry import entry_of
from abzero.sandbox.base import Call, Returned
from abzero.sandbox.pool import SandboxPool
from abzero.sandbox.run import Check
from abzero.selfplay import SelfPlay
from abzero.tasks import parsing
from abzero.tasks.base import Same, identity, show_references, triplet
from abzero.tasks.buffer import Buffer
from abzero.tasks.prompts import Prompts
from abzero.tasks.validation import returned
from abzero.types import Task

PROPOSE = """\
Write a Python program with a function `f` of one argument, in a `python` block, and in an `input` block a literal value
that `f` returns unchanged: a fixed point. Finding it should take thought. Do not repeat these:
"""
ASK = """\
Find a value x with f(x) == x, and write it as a Python literal into an `input` block, inside the answer tags.
```python
{program}
```"""


@dataclass(frozen=True)
class Fixpoint:
    prompts: Prompts
    max_output: int = 400
    same: Same = literals.same

    mode = "fixpoint"
    sources = ("fixpoint",)
    shares_seeds_with = ()
    needs_reference = False
    truth = staticmethod(returned)
    seed = identity("fixpoint", "'Hello world'")

    def propose(self, references: Sequence[Task]) -> str:
        return self.prompts.frame(PROPOSE + show_references(self.prompts, references))

    def construct(self, answer: str, references: Sequence[Task]) -> Check[Task]:
        task = yield from triplet(self.mode, answer, self.max_output)
        [case] = task.cases
        if not self.same(parsing.literal(case.input), case.output):
            raise Rejected(f"{case.input} is no fixed point: f returns {case.output}")
        return task

    def ask(self, task: Task) -> str:
        return self.prompts.frame(ASK.replace("{program}", task.program))

    def answer(self, task: Task) -> str:
        return task.cases[0].input

    def grade(self, task: Task, answer: str) -> Check[float]:
        value = parsing.literal(parsing.block_or_all(answer, "input"))
        [outcome] = yield [Call(task.program, value, entry=entry_of(task.program))]
        return float(isinstance(outcome, Returned) and self.same(outcome.value, value))


def script(prompt: str, rng: random.Random) -> str:
    """Proposes ``a * x - b``, with a right fixed point three times in four; solves by guessing."""
    if PROPOSE not in prompt:
        return f"a guess</think><answer>{rng.randrange(-2, 4)}</answer>"
    a, x = rng.randrange(2, 6), rng.randrange(-2, 4)
    b = (a - 1) * x + (rng.random() < 0.25)
    program = f"def f(x):\n    return {a} * x - {b}"
    return f"a plan</think><answer>\n```python\n{program}\n```\n```input\n{x}\n```\n</answer>"


def main() -> None:
    task_type, generator = Fixpoint(Prompts("paper")), ScriptedGenerator(script)
    buffer = Buffer(answers={task_type.mode: task_type.answer})
    buffer.add(task_type.seed)
    with SandboxPool(1) as sandbox:
        play = SelfPlay((task_type,), generator, generator, ScriptedLearner(), sandbox, buffer, trr_pp, batch_size=4)
        for number in (1, 2):
            step = play.step(number)
            print(f"step {number}: {step.metrics['buffer/size/fixpoint']:.0f} tasks")
            for proposal in step.proposals:
                verdict = proposal.rejection.reason if proposal.rejection else f"solve rate {proposal.solve_rate:.2f}"
                print(f"  {parsing.block(proposal.rollout.text, 'program').splitlines()[1].strip():<20} {verdict}")


if __name__ == "__main__":
    main()
