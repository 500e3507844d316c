"""The rows of an evaluation as a table: what was measured down, difficulty across."""

from collections.abc import Sequence

from rich.table import Table

from abzero.evals.base import Measurement


def table(rows: Sequence[Measurement]) -> Table:
    """Per cent, each with the bounds of its interval below."""
    ks = sorted({row.k for row in rows})
    cells = {(row.mode, row.metric, row.k): row for row in rows}
    made = Table("mode", "metric", *(f"k = {k}" for k in ks), title="per cent, and 95 % interval")
    for mode in dict.fromkeys(row.mode for row in rows):
        for metric in dict.fromkeys(row.metric for row in rows if row.mode == mode):
            found = [cells.get((mode, metric, k)) for k in ks]
            made.add_row(mode, metric, *("" if row is None else _cell(row) for row in found))
        made.add_section()
    return made


def _cell(row: Measurement) -> str:
    return f"{100 * row.value:.1f}\n{100 * row.low:.0f} - {100 * row.high:.0f}"
