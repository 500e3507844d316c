"""HumanEval+ and MBPP+, judged as EvalPlus does: the reference program's values are what a solution must return."""

import marshal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

from abzero.errors import ConfigError, SandboxError
from abzero.evals import answers, brief, tolerance
from abzero.evals.base import Problem, Score, Verdict
from abzero.evals.data import SuiteRow, SuiteRows
from abzero.evals.mbpp_inputs import converted
from abzero.sandbox.listing import Accepts, ProgramRun, Ran, ReturnedValue, Runner

SECONDS, TIMES = 10.0, 8.0
"""Processor time for one input: at least `SECONDS`, and as many `TIMES` what the reference took."""
SECONDS_IN_ALL, TIMES_IN_ALL = 60.0, 4.0


@dataclass(frozen=True, slots=True)
class ReferenceOutputs:
    """How the reference program went on one list of inputs."""

    inputs: tuple[bytes, ...]
    arguments: tuple[list[object], ...]
    ran: Ran


@dataclass(frozen=True)
class EvalPlus:
    """A suite of functions with two lists of inputs each: ``base`` and ``plus``, which is the larger."""

    source: SuiteRows
    runner: Runner
    opens_think: bool = False
    _references: dict[tuple[str, str], ReferenceOutputs] = field(default_factory=dict)

    @cached_property
    def _rows(self) -> dict[str, SuiteRow]:
        return {str(row["task_id"]): row for row in self.source.rows}

    def problems(self) -> Sequence[Problem]:
        return [Problem(key, str(row["prompt"]), (self.source.suite.name,)) for key, row in self._rows.items()]

    def gold(self, problem: Problem) -> str:
        """A completion that answers right."""
        return f"```python\n{_reference_program(self._rows[problem.id])}\n```"

    def program(self, problem: Problem, completion: str) -> str:
        """The program that `completion` holds. Raises `Malformed`."""
        return answers.program(completion, str(self._rows[problem.id]["entry_point"]), self.opens_think)

    def continued(self, problem: Problem, completion: str) -> str:
        """The program of a completion that goes on where the problem's text ends."""
        return str(self._rows[problem.id]["prompt"]) + completion

    def prepare(self, keys: Sequence[str]) -> None:
        """Run the reference programs of problems `keys`, in one batch. Raises `ConfigError` where one fails."""
        asked = {}
        for key in dict.fromkeys(keys):
            row = self._rows[key]
            for name in ("base", "plus"):
                if (key, name) not in self._references:
                    arguments = _arguments(row, name, self.source)
                    blobs = tuple(marshal.dumps(one) for one in arguments)
                    run = ProgramRun(_reference_program(row), str(row["entry_point"]), blobs, 120.0, 600.0)
                    asked[key, name] = run, arguments
        for (place, (run, arguments)), ran in zip(
            asked.items(), self.runner.run([run for run, _ in asked.values()]), strict=True
        ):
            if ran.ended in ("timeout", "memory", "killed"):
                raise SandboxError(
                    f"{place[0]}: its own reference program ended with '{ran.ended}' on {place[1]} input "
                    f"{len(ran.values)}: this machine has too little memory or time for it now"
                )
            if ran.ended != "done":
                raise ConfigError(
                    f"{self.source.files[0]}, {place[0]}: its own reference program ended with '{ran.ended}"
                    f" {ran.error}' on {place[1]} input {len(ran.values)}; get the file again"
                )
            self._references[place] = ReferenceOutputs(run.inputs, arguments, ran)

    def judge(self, asked: Sequence[tuple[Problem, str]]) -> list[dict[str, Score]]:
        """For each (problem, program) the scores ``base`` and ``plus``; the second counts only with the first."""
        self.prepare([problem.id for problem, _ in asked])
        found: list[dict[str, Score]] = [{} for _ in asked]
        self._judge_list("base", asked, range(len(asked)), found)
        right = [index for index, one in enumerate(found) if one["base"].verdict == "correct"]
        self._judge_list("plus", asked, right, found)
        return [{"plus": one["base"], **one} for one in found]

    def _judge_list(
        self, name: str, asked: Sequence[tuple[Problem, str]], which: Sequence[int], found: list[dict[str, Score]]
    ) -> None:
        """Add the score on the list of inputs `name` to `found`, for the places `which`."""
        runs, accepts = {}, {}
        for index in which:
            problem, program = asked[index]
            row, reference = self._rows[problem.id], self._references[problem.id, name]
            accepts[index] = self._accepts(problem, name)
            if program.strip() == _reference_program(row).strip():  # it has run, and to its end
                found[index][name] = self._score(problem, name, _compared(reference.ran, accepts[index]))
            elif not program.strip():
                found[index][name] = Score("no_answer", 0.0)
            else:
                runs[index] = _run(program, str(row["entry_point"]), reference)
        for index, ran in zip(
            runs, self.runner.run(list(runs.values()), [accepts[index] for index in runs]), strict=True
        ):
            found[index][name] = self._score(asked[index][0], name, ran)

    def _accepts(self, problem: Problem, name: str) -> Accepts:
        """Whether a value is the one expected of an input of the list `name`."""
        row, reference = self._rows[problem.id], self._references[problem.id, name]
        rule, atol = tolerance.rule(self.source.suite.name, str(row["entry_point"])), float(str(row["atol"]))

        def accepts(place: int, value: ReturnedValue) -> bool:
            return tolerance.equal(value, reference.ran.values[place], atol, rule, reference.arguments[place])

        return accepts

    def _score(self, problem: Problem, name: str, ran: Ran) -> Score:
        entry, reference = str(self._rows[problem.id]["entry_point"]), self._references[problem.id, name]
        if ran.ended == "done":
            return Score("correct", 1.0, "tests")
        if ran.ended == "refused":
            index = len(ran.values) - 1
            words = f"returned {brief.returned(ran.values[-1])}, expected {brief.returned(reference.ran.values[index])}"
            return Score("wrong", 0.0, "tests", f"{_place(name, index, entry, reference)} {words}")
        verdict: Verdict = "timeout" if ran.ended == "timeout" else "wrong"
        at = _place(name, len(ran.values), entry, reference) if ran.loaded else "its module"
        return Score(verdict, 0.0, "tests", f"{at}: {ran.error or ran.ended}")


def _compared(ran: Ran, accepts: Accepts) -> Ran:
    """`ran` up to its first value that is not accepted: no value that equals nothing is a reference for itself."""
    for place, value in enumerate(ran.values):
        if not accepts(place, value):
            return replace(ran, values=ran.values[: place + 1], ended="refused")
    return ran


def _place(name: str, index: int, entry: str, reference: ReferenceOutputs) -> str:
    """``base input 3: f([1, 2])``."""
    if index >= len(reference.arguments):
        return f"{name}, after the last input"
    return f"{name} input {index}: {brief.call(entry, reference.arguments[index])}"


def _reference_program(row: SuiteRow) -> str:
    return str(row["prompt"]) + str(row["canonical_solution"])


def _arguments(row: SuiteRow, name: str, source: SuiteRows) -> tuple[list[object], ...]:
    inputs = cast(list[list[object]], row[f"{name}_input"])
    number = int(str(row["task_id"]).rpartition("/")[2])
    try:
        return tuple(converted(number, one) for one in inputs) if source.suite.name == "mbpp+" else tuple(inputs)
    except (ValueError, TypeError, LookupError) as error:
        why = brief.text(str(error), 100)
        raise ConfigError(
            f"{source.files[0]}, {row['task_id']}, field '{name}_input': no arguments of this problem ({why}); get it"
            " again"
        ) from error


def _run(program: str, entry: str, reference: ReferenceOutputs) -> ProgramRun:
    times = reference.ran.seconds
    slowest, total = max(times, default=0.0), sum(times)
    each = max(SECONDS, TIMES * slowest)
    return ProgramRun(
        program, entry, reference.inputs, each, max(SECONDS_IN_ALL, TIMES_IN_ALL * total, each), round(total, 1)
    )
