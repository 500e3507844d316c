"""The seam of benchmarks: problems, and how one completion of a problem is judged. Sans-IO, as task types are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from abzero.errors import ModelError
from abzero.sandbox.base import Sandbox
from abzero.sandbox.run import Check, run_checks

Verdict = Literal["correct", "wrong", "no_answer", "timeout", "error"]
"""How a completion was judged. ``no_answer``: none could be read from it. ``error``: the judge failed;
that is never counted as wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a benchmark asks; the benchmark knows the rest by its `id`."""

    id: str
    """Unique in its benchmark, and the same in every run: two models are compared problem by problem."""
    prompt: str
    cell: tuple[str, ...]
    """The place in the benchmark's table that it counts for: a subject, a level, a task type and a length."""


@dataclass(frozen=True, slots=True)
class Score:
    """The judgement of one completion."""

    verdict: Verdict
    value: float
    """In [0, 1]; what a mean is taken of."""
    by: str = ""
    """Which rule decided, where a benchmark has several."""
    detail: str = ""
    """Why it is not right, in a line: the first test that fails, what was expected."""


class Benchmark(Protocol):
    """Problems, and how a completion of each is judged."""

    def problems(self) -> Sequence[Problem]:
        """The problems, the same at every call."""

    def check(self, problem: Problem, completion: str) -> Check[Score]:
        """Judge `completion`, yielding the calls that must be run. Raises `ModelError` if it holds no answer."""


def judge(benchmark: Benchmark, asked: Sequence[tuple[Problem, str]], sandbox: Sandbox) -> list[Score]:
    """The scores of (problem, completion) pairs, in order, with their calls run in a few large batches."""
    results = run_checks([benchmark.check(problem, completion) for problem, completion in asked], sandbox)
    return [Score("no_answer", 0.0) if isinstance(result, ModelError) else result for result in results]
