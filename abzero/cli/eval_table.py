"""What ``abzero eval`` prints of results."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abzero.cli.output import out, say

if TYPE_CHECKING:
    from abzero.evals.summary import SuiteEntry

_NUMERIC = re.compile(r"[-+]?[\d.]+( %|(-| to [-+])[\d.]+)?|").fullmatch
FEW = 40
"""Problems up to which one of them is worth a remark."""


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """`rows`, the first of names, as lines whose cells stand below each other at any width, numbers to the right."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    justify = [str.rjust if all(map(_NUMERIC, column[1:])) else str.ljust for column in columns]
    lines = ("  ".join(to(cell, width) for to, cell, width in zip(justify, row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def show(scored: "Mapping[str, SuiteEntry]", folder: Path) -> None:
    """Print a line a suite, and what else is to be known of it, then the averages of all suites in `folder`."""
    from abzero.views import averages

    say(table(scored, out.width))
    for line in averages.lines(folder):
        say(line)
    say(f"self-test passed · results in {folder}")


def table(scored: "Mapping[str, SuiteEntry]", width: int) -> str:
    """The table; in a terminal too narrow for its widest line, what is said of a suite stands below its line."""
    head = ("suite", "n", "correct", "95 %", "no answer", "timeout", "cut", "error")
    lines = aligned([head, *(_cells(name, one) for name, one in scored.items())]).splitlines()
    remarks = [", ".join(_remarks(one)) for one in scored.values()]
    space = max(map(len, lines)) + 2
    if space + max(map(len, remarks)) <= width:
        return "\n".join((lines[0], *(f"{line:<{space}}{said}" for line, said in zip(lines[1:], remarks, strict=True))))
    below = [f"{line}\n    {said}" for line, said in zip(lines[1:], remarks, strict=True)]
    return "\n".join((lines[0], *below))


def _cells(name: str, one: "SuiteEntry") -> Sequence[str]:
    return (
        name, str(one.n), "" if one.score is None else _percent(one.score), f"{100 * one.low:.1f}-{100 * one.high:.1f}",
        str(one.counts.get("no_answer", 0)), str(one.counts.get("timeout", 0)), str(one.cut),
        str(one.counts.get("error", 0)),
    )  # fmt: skip


def _remarks(one: "SuiteEntry") -> Sequence[str]:
    found = [one.status]
    if one.n < one.problems:
        found.append(f"only {one.n} of its {one.problems} problems")
    if one.public_only:
        found.append(f"{one.public_only} judged by PUBLIC TESTS ONLY")
    if one.score is None:
        found.append("an error is left: bounds, no score")
    if one.base is not None:
        found.append(f"base {_percent(one.base)}")
    if one.sound is not None:
        found.append(f"{_percent(one.sound.score)} of the {one.sound.n} that are not known to be defective")
    if one.pass_at:
        found.append(", ".join(f"pass@{k} {_percent(share)}" for k, share in one.pass_at.items()))
    if one.by_seed:
        found.append(f"by seed {_percent(min(one.by_seed.values()))} to {_percent(max(one.by_seed.values()))}")
    if one.n <= FEW:
        found.append(f"1 item = {100 / one.n:.1f} points")
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
