"""The tables of ``abzero eval``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abzero.evals.data import SuiteRows
    from abzero.evals.rows import Figures


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """`rows` as lines whose cells stand below each other, at any width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def figures_rows(measured: "Sequence[tuple[SuiteRows, Figures]]") -> list[Sequence[str]]:
    """One line a suite: its file's status, its score and the interval, and what was not an answer."""
    table: list[Sequence[str]] = [("suite", "file", "n", "correct", "95 %", "no answer", "timeout", "cut", "error", "")]
    for source, found in measured:
        counts = found.counts
        remarks = [f"base {100 * found.base:.1f} %"] if found.base is not None else []
        remarks += [f"1 item = {100 / found.n:.1f} points"] if found.n <= 40 else []
        remarks += ["an error is left: bounds, no score"] if found.errors else []
        table.append((
            source.suite.name, source.status, str(found.n), "" if found.errors else f"{100 * found.correct:.1f} %",
            f"{100 * found.low:.1f}-{100 * found.high:.1f}", str(counts.get("no_answer", 0)),
            str(counts.get("timeout", 0)), str(found.cut), str(found.errors), ", ".join(remarks),
        ))  # fmt: skip
    return table
