"""LiveCodeBench: programs that read standard input, or methods of a class, on public and private tests."""

import json
import marshal
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property

from abzero.errors import ConfigError
from abzero.evals import answers, brief, payload, tolerance
from abzero.evals.base import Problem, Score, Verdict
from abzero.evals.data import SuiteRow, SuiteRows
from abzero.sandbox.child.values import encoded
from abzero.sandbox.listing import ProgramRun, Ran, ReturnedValue, Runner

SECONDS = 6.0
"""Of processor time for one test, as the published harness has it; the paper used 60."""

_SEVERAL_RIGHT = (
    "abc311_c abc326_d abc327_b abc333_e abc343_a abc343_e abc362_c arc185_c find-words-containing-character"
    " find-the-peaks generate-binary-strings-without-adjacent-zeros"
)
_INTERACTIVE = "abc337_e abc355_e"
_WRONG_TESTS = "abc350_c arc189_a apply-operations-to-make-string-empty most-frequent-ids"
DEFECTIVE = frozenset(f"{_SEVERAL_RIGHT} {_INTERACTIVE} {_WRONG_TESTS}".split())
"""Problems with several right outputs, a dialogue, or wrong tests: a second figure is given without them."""


@dataclass(frozen=True)
class LiveCodeBench:
    """A release's problems. All tests must pass, the public ones first."""

    source: SuiteRows
    runner: Runner
    opens_think: bool = False
    public_only: bool = False
    """Judge by the public tests where a problem has no private ones."""
    seconds: float = SECONDS
    _tests: dict[str, list[payload.Test]] = field(default_factory=dict)

    @cached_property
    def _rows(self) -> dict[str, SuiteRow]:
        return {str(row["question_id"]): row for row in self.source.rows}

    def problems(self) -> Sequence[Problem]:
        name = self.source.suite.name
        return [
            Problem(key, f"{row['question_content']}\n\n{row['starter_code']}".strip(), (name,))
            for key, row in self._rows.items()
        ]

    def tests(self, key: str) -> list[payload.Test]:
        """The tests of problem `key`. Raises `ConfigError` where its row does not hold any."""
        if key not in self._tests:
            row, found = self._rows[key], []
            for name in ("public_test_cases", "private_test_cases"):
                if name == "private_test_cases" and not str(row[name]).strip():
                    if not self.public_only:
                        raise ConfigError(
                            f"{self.source.files[0]}, {key}, field '{name}': empty: only public tests are there;"
                            " get the whole release, or score by those with --allow-missing"
                        )
                    continue
                try:
                    found += payload.tests(str(row[name]))
                except ValueError as error:
                    raise ConfigError(
                        f"{self.source.files[0]}, {key}, field '{name}': {error}; nothing of it was run, get it again"
                    ) from error
            if not found:
                raise ConfigError(f"{self.source.files[0]}, {key}: no tests; get it again")
            self._check(key, found)
            self._tests[key] = found
        return self._tests[key]

    def _check(self, key: str, tests: Sequence[payload.Test]) -> None:
        """Raise `ConfigError` where `tests` do not hold what judging will read from them."""
        if len({test.functional for test in tests}) > 1:
            raise ConfigError(f"{self.source.files[0]}, {key}: tests of functions and of programs; get it again")
        for test in tests if tests[0].functional else ():
            self._function(key)
            for text in (*_lines(test.input), test.output):
                self._json(key, text)

    def program(self, problem: Problem, completion: str) -> str:
        """The program that `completion` holds. Raises `Malformed`."""
        entry = "Solution" if self._rows[problem.id]["starter_code"] else ""
        return answers.program(completion, entry, self.opens_think)

    def judge(self, asked: Sequence[tuple[Problem, str]]) -> list[dict[str, Score]]:
        """For each (problem, program) its score ``tests``."""
        self._tests.clear()  # of the batch before: all of a release would fill the memory
        runs = [
            (index, run)
            for index, (problem, text) in enumerate(asked)
            if self.tests(problem.id) and text.strip()
            for run in self._runs(problem, text)
        ]
        ran: dict[int, list[Ran]] = {}
        for (index, _), one in zip(runs, self.runner.run([run for _, run in runs]), strict=True):
            ran.setdefault(index, []).append(one)
        return [
            {"tests": self._score(problem, ran[index]) if text.strip() else Score("no_answer", 0.0)}
            for index, (problem, text) in enumerate(asked)
        ]

    def _runs(self, problem: Problem, program: str) -> Iterator[ProgramRun]:
        tests = self.tests(problem.id)
        if not tests[0].functional:
            for test in tests:
                yield ProgramRun(program, "", (test.input.encode(),), self.seconds, self.seconds)
            return
        inputs = tuple(marshal.dumps([self._json(problem.id, line) for line in _lines(test.input)]) for test in tests)
        yield ProgramRun(
            program, f"Solution.{self._function(problem.id)}", inputs, self.seconds, self.seconds * len(tests)
        )

    def _function(self, key: str) -> str:
        metadata = self._json(key, str(self._rows[key]["metadata"]) or "{}")
        name = metadata.get("func_name") if isinstance(metadata, dict) else None
        if not isinstance(name, str) or not name.isidentifier():
            raise ConfigError(f"{self.source.files[0]}, {key}, field 'metadata': no func_name; get it again")
        return name

    def _json(self, key: str, text: str) -> object:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(
                f"{self.source.files[0]}, {key}: a test that is no JSON ({error}); get it again"
            ) from error

    def _score(self, problem: Problem, ran: Sequence[Ran]) -> Score:
        tests = self.tests(problem.id)
        given = [value for one in ran for value in (one.values or (None,))]
        for index, (test, value) in enumerate(zip(tests, given, strict=False)):
            if value is None:
                break
            right = self._same(problem, test, value) if test.functional else same_output(value.text, test.output)
            if not right:
                words = f"{'returned' if test.functional else 'printed'} {_given(test, value)}"
                return Score("wrong", 0.0, "tests", f"{_place(tests, index)} {words}, expected {_quoted(test.output)}")
        for index, one in enumerate(ran):
            if one.ended != "done":
                place = _place(tests, index if len(ran) > 1 else len(one.values))
                verdict: Verdict = "timeout" if one.ended == "timeout" else "wrong"
                return Score(verdict, 0.0, "tests", f"{place}: {one.error or one.ended}")
        return Score("correct", 1.0, "tests")

    def _same(self, problem: Problem, test: payload.Test, value: ReturnedValue) -> bool:
        expected = self._json(problem.id, test.output)
        as_sent = encoded(expected)
        if value.digest == as_sent[:64].decode().strip() != "":
            return True
        returned = tolerance.read(value.text)
        return isinstance(returned, tuple) and list(returned) == expected


def _place(tests: Sequence[payload.Test], index: int) -> str:
    """``test 3, given '1 2'``."""
    return f"test {index}, given {_quoted(tests[index].input)}" if index < len(tests) else "after the last test"


def _given(test: payload.Test, value: ReturnedValue) -> str:
    return brief.returned(value) if test.functional else _quoted(value.text)


def _quoted(text: str) -> str:
    return repr(brief.text(text.strip()))


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def same_output(printed: str, expected: str) -> bool:
    """Whether two outputs are the same: line by line, and token by token as decimals where a line is numbers."""
    left, right = ([line.strip() for line in text.strip().split("\n")] for text in (printed, expected))
    return len(left) == len(right) and all(a == b or _same_numbers(a, b) for a, b in zip(left, right, strict=True))


def public_only(source: SuiteRows) -> set[str]:
    """The problems of which a file has no private tests; none of other suites."""
    rows = source.rows if source.suite.name == "livecodebench" else ()
    return {str(row["question_id"]) for row in rows if not str(row["private_test_cases"]).strip()}


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?", re.ASCII)


def _same_numbers(left: str, right: str) -> bool:
    a, b = left.split(), right.split()
    if len(a) != len(b) or not all(_NUMBER.fullmatch(one) for one in (*a, *b)):
        return False
    try:
        return all(Decimal(one) == Decimal(other) for one, other in zip(a, b, strict=True))
    except InvalidOperation:
        return False
