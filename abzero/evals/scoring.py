"""Scores a suite's samples, a few at a time: reads the answers, judges them, and tells how each was judged."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from abzero.errors import ConfigError, IsolationError, Malformed, ModelError
from abzero.evals import brief
from abzero.evals.base import Problem, Score
from abzero.evals.data import SuiteRows
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


def suited(source: SuiteRows, judges: Judges, opens_think: bool = False, public_only: bool = False) -> Suited:
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
        detail = brief.text(f"{type(error).__name__}: {error}", 300)
        return [("", Score("error", 0.0, "", detail), None)]


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
        case _:
            found = [_answer(suite, sample) for _, sample in asked]
            return [
                (text or "", one, None) for text, one in zip(found, _answered(suite, asked, found, judges), strict=True)
            ]


def _answered(
    suite: Inputs | Outputs | Mathematics,
    asked: Sequence[tuple[Problem, Sample]],
    found: Sequence[str | None],
    judges: Judges,
) -> list[Score]:
    """The scores of the answers that were `found`."""
    none = Score("no_answer", 0.0)
    if not isinstance(suite, Inputs):
        pairs = zip(asked, found, strict=True)
        return [none if text is None else suite.check_answer(problem, text) for (problem, _), text in pairs]
    there = [index for index, text in enumerate(found) if text is not None]
    results = run_checks([suite.check_answer(asked[at][0], found[at] or "") for at in there], judges.sandbox())
    scores = {at: none if isinstance(one, ModelError) else one for at, one in zip(there, results, strict=True)}
    return [scores.get(at, none) for at in range(len(asked))]


def _answer(suite: Inputs | Outputs | Mathematics, sample: Sample) -> str | None:
    """The answer of `sample`; ``None`` where there is none."""
    if sample.form == "answer":
        return sample.text if sample.text.strip() or isinstance(suite, Inputs) else None
    if sample.form != "response":
        raise ConfigError(
            f"sample {sample.number} of {sample.key}: a '{sample.form}' says nothing here; give a 'response'"
        )
    try:
        return suite.answer(sample.text)
    except Malformed:
        return None


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
