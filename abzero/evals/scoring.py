"""Scores a suite's samples, a few at a time: reads the answers, judges them, and tells how each was judged."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

from abzero.errors import ConfigError, IsolationError, Malformed, ModelError
from abzero.evals.base import Problem, Score
from abzero.evals.data import Source
from abzero.evals.evalplus import EvalPlus
from abzero.evals.execution import Inputs, Outputs
from abzero.evals.livecodebench import LiveCodeBench
from abzero.evals.mathematics import Mathematics
from abzero.evals.samples import Sample
from abzero.evals.suites import MATHS
from abzero.evals.symbolic import Symbolic
from abzero.sandbox.base import Sandbox
from abzero.sandbox.child.limits import Limits
from abzero.sandbox.listing import Runner
from abzero.sandbox.pool import SandboxPool
from abzero.sandbox.run import run_checks

BATCH = 40
"""Samples judged between two writes to disk."""

CALL_SECONDS = 5.0
"""Of processor time for one call of a CRUXEval program: they are somebody else's."""

Suited = EvalPlus | LiveCodeBench | Mathematics | Outputs | Inputs


@dataclass(frozen=True, slots=True)
class Judged:
    """One sample and its judgement."""

    sample: Sample
    answer: str
    score: Score
    base: Score | None
    """On EvalPlus's smaller list of inputs."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Judges:
    """What judging needs: processes, begun when the first suite that needs them comes."""

    runner: Callable[[], Runner]
    sandbox: Callable[[], Sandbox]
    symbolic: Callable[[], Symbolic]


def judges(stack: ExitStack) -> Judges:
    """The processes, each begun once and ended with `stack`."""
    runners: list[Runner] = []
    boxes: list[Sandbox] = []
    symbolics: list[Symbolic] = []

    def runner() -> Runner:
        if not runners:
            runners.append(stack.enter_context(Runner()))
        return runners[0]

    def box() -> Sandbox:
        if not boxes:
            boxes.append(stack.enter_context(SandboxPool(limits=Limits(cpu_seconds=CALL_SECONDS))))
        return boxes[0]

    def symbolic() -> Symbolic:
        if not symbolics:
            symbolics.append(stack.enter_context(Symbolic()))
        return symbolics[0]

    return Judges(runner, box, symbolic)


def suited(source: Source, judges: Judges, opens_think: bool = False, public_only: bool = False) -> Suited:
    """The benchmark of a suite's rows."""
    name = source.suite.name
    if name in ("humaneval+", "mbpp+"):
        return EvalPlus(source, judges.runner(), opens_think)
    if name == "livecodebench":
        return LiveCodeBench(source, judges.runner(), opens_think, public_only)
    if name in MATHS:
        return Mathematics(source, judges.symbolic(), opens_think)
    return Inputs(source, opens_think) if name == "cruxeval-i" else Outputs(source, opens_think)


def score(suite: Suited, samples: Sequence[Sample], judges: Judges) -> Iterator[list[Judged]]:
    """Judge `samples`, in order, batch by batch. An ``error`` is tried once more."""
    problems = {problem.id: problem for problem in suite.problems()}
    for begin in range(0, len(samples), BATCH):
        batch = samples[begin : begin + BATCH]
        asked = [(problems[sample.key], sample) for sample in batch]
        started = time.monotonic()
        found = _attempted(suite, asked, judges)
        if again := [index for index, (_, one, _) in enumerate(found) if one.verdict == "error"]:
            for index, one in zip(again, _attempted(suite, [asked[at] for at in again], judges), strict=True):
                found[index] = one
        seconds = (time.monotonic() - started) / len(batch)
        yield [Judged(sample, *one, seconds) for sample, one in zip(batch, found, strict=True)]


def _attempted(
    suite: Suited, asked: Sequence[tuple[Problem, Sample]], judges: Judges
) -> list[tuple[str, Score, Score | None]]:
    """As `_judged`; a sample on which the judge or the sandbox fails is an ``error``, and the others are judged."""
    try:
        return _judged(suite, asked, judges)
    except (ConfigError, IsolationError):  # of the data or the machine, not of a sample
        raise
    except Exception as error:
        if len(asked) > 1:
            return [found for one in asked for found in _attempted(suite, [one], judges)]
        return [(asked[0][1].text[-2_000:], Score("error", 0.0, f"{type(error).__name__}: {error}"[:200]), None)]


def _judged(
    suite: Suited, asked: Sequence[tuple[Problem, Sample]], judges: Judges
) -> list[tuple[str, Score, Score | None]]:
    match suite:
        case EvalPlus() | LiveCodeBench():
            programs = [(problem, _program(suite, problem, sample)) for problem, sample in asked]
            scores = suite.judge(programs)
            return [
                (text, one["tests"], None) if "tests" in one else (text, one["plus"], one["base"])
                for (_, text), one in zip(programs, scores, strict=True)
            ]
        case Inputs():
            checks = [
                suite.check_arguments(problem, _form(sample, "answer"))
                if sample.form == "answer"
                else suite.check(problem, _form(sample, "response"))
                for problem, sample in asked
            ]
            results = run_checks(checks, judges.sandbox())
            scores_ = [Score("no_answer", 0.0) if isinstance(one, ModelError) else one for one in results]
        case _:
            scores_ = [_direct(suite, problem, sample) for problem, sample in asked]
    return [(sample.text[-2_000:], one, None) for (_, sample), one in zip(asked, scores_, strict=True)]


def _direct(suite: Mathematics | Outputs, problem: Problem, sample: Sample) -> Score:
    """The score of an answer that is judged without a call."""
    if sample.form == "answer":
        return suite.check_answer(problem, sample.text) if sample.text.strip() else Score("no_answer", 0.0)
    try:
        next(suite.check(problem, _form(sample, "response")))
    except StopIteration as end:
        return cast(Score, end.value)
    except ModelError:
        return Score("no_answer", 0.0)
    raise AssertionError("a judge of plain answers made a call")


def _form(sample: Sample, form: str) -> str:
    if sample.form != form:
        raise ConfigError(
            f"sample {sample.number} of {sample.key}: a '{sample.form}' says nothing here; give a 'response'"
        )
    return sample.text


def _program(suite: EvalPlus | LiveCodeBench, problem: Problem, sample: Sample) -> str:
    match sample.form:
        case "solution":
            return sample.text
        case "completion" if isinstance(suite, EvalPlus):
            return suite.continued(problem, sample.text)
        case "response":
            try:
                return suite.program(problem, sample.text)
            except Malformed:
                return ""
    raise ConfigError(f"sample {sample.number} of {sample.key}: a '{sample.form}' is no program; give a 'solution'")
