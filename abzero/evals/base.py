"""The seam of benchmarks, and the one way in which all of them are run."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol, TypeVar

from abzero.evals.intervals import wilson
from abzero.policy.base import Generator
from abzero.sandbox.base import Sandbox


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure of a table: the mean of a metric over a cell's `n` problems, with its 95 % Wilson interval."""

    mode: str
    k: int
    """The cell's difficulty: in the nursery, the number of statements."""
    metric: str
    n: int
    value: float
    low: float
    high: float
    scores: tuple[float, ...] = ()
    """The metric of each problem, in the order of the benchmark: two models' are compared problem by problem."""


class Problem(Protocol):
    """What a benchmark asks; the benchmark knows the rest."""

    @property
    def mode(self) -> str: ...

    @property
    def k(self) -> int: ...

    @property
    def prompt(self) -> str: ...


P = TypeVar("P", bound=Problem)


class Benchmark(Protocol[P]):
    """Problems, and how a completion of each is judged."""

    def problems(self) -> Sequence[P]:
        """The problems, the same at every call."""

    def grade(self, asked: Sequence[tuple[P, str]], sandbox: Sandbox) -> list[float]:
        """Scores in [0, 1] of completions, in order; what is malformed scores 0."""

    def baseline(self, problem: P) -> str:
        """The completion that costs no thought, to be graded beside the model's."""

    def remarks(self, problem: P, completion: str, score: float) -> Mapping[str, float]:
        """Further metrics of a greedy completion, by name; a metric may concern some problems only."""


def evaluate(
    benchmark: Benchmark[P],
    greedy: Generator,
    sampling: Generator,
    sandbox: Sandbox,
    rng: random.Random,
    samples: int = 8,
) -> list[Measurement]:
    """Greedy accuracy, pass@1 and pass@`samples` at the sampling temperature, and the baseline, in every cell."""
    problems = benchmark.problems()
    prompts = [problem.prompt for problem in problems]
    first = [rollout.text for [rollout] in greedy.generate(prompts, 1, rng)]
    several = [[rollout.text for rollout in rollouts] for rollouts in sampling.generate(prompts, samples, rng)]
    firsts = benchmark.grade(list(zip(problems, first, strict=True)), sandbox)
    baselines = benchmark.grade([(problem, benchmark.baseline(problem)) for problem in problems], sandbox)
    flat = benchmark.grade([(p, text) for p, texts in zip(problems, several, strict=True) for text in texts], sandbox)
    measured = []
    for index, (problem, text) in enumerate(zip(problems, first, strict=True)):
        scores = flat[index * samples : (index + 1) * samples]
        figures = {
            "greedy": firsts[index],
            "pass@1": fmean(scores),
            f"pass@{samples}": max(scores),
            "baseline": baselines[index],
            **benchmark.remarks(problem, text, firsts[index]),
        }
        measured += [(problem.mode, problem.k, metric, value) for metric, value in figures.items()]
    return rows(measured)


def rows(measured: Iterable[tuple[str, int, str, float]]) -> list[Measurement]:
    """The table of single measurements (mode, k, metric, value): cells in the order in which they first occur."""
    cells: dict[tuple[str, int, str], list[float]] = {}
    for mode, k, metric, value in measured:
        cells.setdefault((mode, k, metric), []).append(value)
    return [
        Measurement(mode, k, metric, len(values), fmean(values), *wilson(fmean(values), len(values)), tuple(values))
        for (mode, k, metric), values in cells.items()
    ]
