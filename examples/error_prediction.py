"""Error prediction: which exception does the program raise on its input? A task whose truth is not a returned value.

`truth` is what differs from the types in the box: a case records the exception's name. Play it beside deduction:

    abzero train tiny-cpu --tasks.modes deduction examples.error_prediction:ErrorPrediction

The sandbox runs again what returned a value, under another hash seed, and not what raised: so `construct` runs every
proposal a second time, on other terms, and takes what raises the same exception both times.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from abzero.errors import Malformed, Rejected
from abzero.python.entry import entry_of
from abzero.sandbox.base import Call, Outcome, Raised
from abzero.sandbox.run import Check
from abzero.tasks.base import show_references, triplet
from abzero.tasks.prompts import Prompts
from abzero.tasks.validation import describe
from abzero.types import Case, Task

PROPOSE = """\
Write a Python program with a function `f`, in a `python` block, and in an `input` block literal arguments on which `f`
raises an exception of Python's own. Which one should take thought to say. Do not repeat these:
"""
ASK = "Which exception does this program raise on this input? Write its name, such as ValueError, as your answer."
NAME = re.compile(r"[A-Z][A-Za-z]{2,60}")
FIRST = "def f(numbers):\n    return sum(numbers) / len(numbers)"


@dataclass(frozen=True)
class ErrorPrediction:
    prompts: Prompts

    mode = "error_prediction"
    sources = ("error_prediction",)
    shares_seeds_with = ()
    needs_reference = False
    seed = Task("error_prediction", FIRST, (Case("[]", "ZeroDivisionError"),))

    def propose(self, references: Sequence[Task]) -> str:
        return self.prompts.frame(PROPOSE + show_references(self.prompts, references))

    def construct(self, answer: str, references: Sequence[Task]) -> Check[Task]:
        task = yield from triplet(self.mode, answer, truth=self.truth)
        [case] = task.cases
        [again] = yield [Call(task.program, case.input, verify=True, entry=entry_of(task.program))]
        if self.truth(again) != case.output:
            raise Rejected(f"it raised {case.output}, and then something else")
        return task

    def truth(self, outcome: Outcome) -> str:
        if isinstance(outcome, Raised) and outcome.type != "SyntaxError":
            return outcome.type
        raise Rejected(f"no exception to predict: it {describe(outcome)}")

    def ask(self, task: Task) -> str:
        text = f"{ASK}\n```python\n{task.program}\n```\n```input\n{task.cases[0].input}\n```"
        return self.prompts.frame(text)

    def answer(self, task: Task) -> str:
        return task.cases[0].output

    def grade(self, task: Task, answer: str) -> Check[float]:
        name = answer.strip().strip("`")
        if not NAME.fullmatch(name):
            raise Malformed("not the name of an exception")
        yield []
        return float(name == task.cases[0].output)
