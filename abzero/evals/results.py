"""Figures of an evaluation: means over the problems of a cell, with their intervals, and as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from abzero.algo.intervals import wilson
from abzero.text.terminal import Ragged


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure: the mean of a metric over the `n` problems of a cell, with its 95 % Wilson interval."""

    mode: str
    k: int
    """The cell's difficulty: the number of statements."""
    metric: str
    n: int
    value: float
    low: float
    high: float
    scores: tuple[float, ...] = ()
    """The metric of each problem, in the order of the benchmark: two models' are compared problem by problem."""


def measurements(measured: Iterable[tuple[str, int, str, float]]) -> list[Measurement]:
    """The means of single figures (mode, k, metric, value): cells in the order in which they first occur."""
    cells: dict[tuple[str, int, str], list[float]] = {}
    for mode, k, metric, value in measured:
        cells.setdefault((mode, k, metric), []).append(value)
    return [
        Measurement(mode, k, metric, len(values), fmean(values), *wilson(fmean(values), len(values)), tuple(values))
        for (mode, k, metric), values in cells.items()
    ]


def table(rows: Sequence[Measurement]) -> Ragged:
    """Per cent, each with the bounds of its interval below: what was measured down, difficulty across."""
    ks = sorted({row.k for row in rows})
    cells = {(row.mode, row.metric, row.k): row for row in rows}
    made = Table(title="per cent, and 95 % interval", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column("metric", overflow="fold")
    for k in ks:
        made.add_column(f"k = {k}", justify="right", no_wrap=True)
    for mode in dict.fromkeys(row.mode for row in rows):
        made.add_row(Text(mode, style="bold"))
        for metric in dict.fromkeys(row.metric for row in rows if row.mode == mode):
            found = [cells.get((mode, metric, k)) for k in ks]
            made.add_row(Text(metric), *("" if row is None else _cell(row) for row in found))
        made.add_section()
    return Ragged(made)


def _cell(row: Measurement) -> str:
    return f"{100 * row.value:.1f}\n{100 * row.low:.0f}-{100 * row.high:.0f}"
