"""Predictions of what a program does: the output of a call (CRUXEval-O, LiveCodeBench's execution), or an input that
gives an output (CRUXEval-I). Values are compared here, as literals; a model's text runs in the sandbox alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from abzero.errors import ConfigError, Malformed
from abzero.evals import answers, brief
from abzero.evals.base import Problem, Score
from abzero.evals.data import SuiteRow, SuiteRows
from abzero.python import literals
from abzero.sandbox.base import Call, Nondeterministic, NotLiteral, Raised, Refused, Returned, Stopped
from abzero.sandbox.run import Check


@dataclass(frozen=True)
class _Execution:
    source: SuiteRows
    opens_think: bool = False

    @cached_property
    def _rows(self) -> dict[str, SuiteRow]:
        return {str(row["id"]): row for row in self.source.rows}

    def _gold(self, problem: Problem) -> str:
        row = self._rows[problem.id]
        try:
            return literals.canonical_literal(str(row["output"]))
        except Malformed as error:
            raise ConfigError(
                f"{self.source.files[0]}, id {problem.id}, field 'output': {error}; get it again"
            ) from error


class Outputs(_Execution):
    """Which value does this call return?"""

    def problems(self) -> Sequence[Problem]:
        return [
            Problem(key, f"{row['code']}\n\n{_shown(row)}", (self.source.suite.name,))
            for key, row in self._rows.items()
        ]

    def gold(self, problem: Problem) -> str:
        """A completion that answers right."""
        return f"[ANSWER]{self._rows[problem.id]['output']}[/ANSWER]"

    def answer(self, completion: str) -> str:
        """What `completion` answers. Raises `Malformed`."""
        return _some(answers.value(completion, self.opens_think))

    def check_answer(self, problem: Problem, answer: str) -> Score:
        """Judge what `answer` found."""
        gold = self._gold(problem)
        try:
            right = literals.same(answer, gold)
        except Malformed:
            right = False
        return _literally(right, f"expected {brief.text(gold)}")


class Inputs(_Execution):
    """Which arguments make this program return that value?"""

    def problems(self) -> Sequence[Problem]:
        return [
            Problem(key, f"{row['code']}\n\nassert f(??) == {row['output']}", (self.source.suite.name,))
            for key, row in self._rows.items()
        ]

    def gold(self, problem: Problem) -> str:
        """A completion that answers right."""
        return f"[ANSWER]f({self._rows[problem.id]['input']})[/ANSWER]"

    def answer(self, completion: str) -> str:
        """The arguments that `completion` gives. Raises `Malformed`."""
        _some(answers.region(completion, self.opens_think))
        return answers.call(completion, "f", self.opens_think)

    def check_answer(self, problem: Problem, arguments: str) -> Check[Score]:
        """Judge what `answer` found, by one call of the program with it."""
        gold = self._gold(problem)
        [outcome] = yield [Call(str(self._rows[problem.id]["code"]), answers.arguments(arguments))]
        match outcome:
            case Returned(value):
                detail = f"it returns {brief.text(value)}, expected {brief.text(gold)}"
                return _literally(literals.same(value, gold), detail)
            case Stopped(reason):
                return Score("timeout" if reason == "timeout" else "wrong", 0.0, "literal", f"it was stopped: {reason}")
            case Raised(name):
                return _literally(False, f"it raises {name}, expected {brief.text(gold)}")
            case NotLiteral(name):
                return _literally(False, f"it returns an object ({name}), expected {brief.text(gold)}")
            case Nondeterministic():
                return _literally(False, "it returns another value each time")
            case Refused(reason):
                return _literally(False, f"it was refused: {brief.text(reason)}")


def _literally(right: bool, detail: str) -> Score:
    return Score("correct" if right else "wrong", float(right), "literal", "" if right else detail)


def _some(answer: str) -> str:
    if not answer.strip():
        raise Malformed("no answer")
    return answer


def _shown(row: SuiteRow) -> str:
    call = str(row["input"])
    return f"assert {call if 'function_name' in row else f'f({call})'} == ??"
