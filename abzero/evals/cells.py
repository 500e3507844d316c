"""Measure a model on any benchmark: greedy answers, and a figure with its interval for each cell."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from abzero.algo.intervals import wilson
from abzero.evals.base import Benchmark, judge
from abzero.policy.base import Generator
from abzero.sandbox.base import Sandbox
from abzero.tasks.prompts import whole
from abzero.text.terminal import Ragged


@dataclass(frozen=True, slots=True)
class CellFigure:
    """The mean score of a cell's `n` problems, with its 95 % Wilson interval, and how often each verdict was given."""

    cell: tuple[str, ...]
    n: int
    value: float
    low: float
    high: float
    verdicts: dict[str, int]


def measure(benchmark: Benchmark, generator: Generator, sandbox: Sandbox, rng: random.Random) -> list[CellFigure]:
    """One answer to each problem, judged; cells in the order in which they first occur."""
    problems = benchmark.problems()
    prompts = [problem.prompt for problem in problems]
    sampled = generator.generate(prompts, 1, rng)
    texts = [whole(prompt, rollout).text for prompt, [rollout] in zip(prompts, sampled, strict=True)]
    scores = judge(benchmark, list(zip(problems, texts, strict=True)), sandbox)
    cells = dict.fromkeys(problem.cell for problem in problems)
    found = []
    for cell in cells:
        rows = [score for problem, score in zip(problems, scores, strict=True) if problem.cell == cell]
        mean = fmean(score.value for score in rows)
        counts = Counter(score.verdict for score in rows)
        found.append(CellFigure(cell, len(rows), mean, *wilson(mean, len(rows)), dict(sorted(counts.items()))))
    return found


def table(rows: Sequence[CellFigure]) -> Ragged:
    """One line a cell."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("cell", "n", "per cent", "95 %"):
        made.add_column(name, justify="left" if name == "cell" else "right")
    made.add_column("verdicts")
    for row in rows:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in row.verdicts.items())
        bounds = f"{100 * row.low:.0f}-{100 * row.high:.0f}"
        made.add_row(Text(" ".join(row.cell)), str(row.n), f"{100 * row.value:.1f}", bounds, Text(counts))
    return Ragged(made)
