"""Where commands write: plain words and tables to standard output, errors to standard error."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from abzero.text.terminal import Ragged, Sentence

WIDE = 100_000
"""Columns of what is no terminal: a file or a pipe gets every line whole."""


def width(stream: TextIO | None) -> int | None:
    """The width to write `stream`, which may have been closed, in; ``None`` is the terminal's own."""
    return None if stream and stream.isatty() else WIDE


class Stream(Console):
    """A console that leaves it to the command's end what is done where nobody reads on."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


out = Stream(width=width(sys.stdout))
err = Stream(stderr=True, width=width(sys.stderr))


def say(words: str) -> None:
    """Print plain words, whatever they hold; a terminal gets them wrapped between words."""
    out.print(Sentence(words), soft_wrap=True)


def heading(words: str) -> None:
    """Begin something of several lines: a rule across a terminal, elsewhere a plain line."""
    if out.is_terminal:
        out.rule(Text(words))
    else:
        say(f"--- {words}")


def at_once(words: str) -> None:
    """As `say`; a pipe gets it now, too: before what takes a while."""
    say(words)
    out.file.flush()


def under_way(words: str) -> None:
    """Say in a terminal, on standard error, what takes a while now; elsewhere an error is all that stands there."""
    if err.is_terminal:
        err.print(Sentence(f"{words} …", "dim"), soft_wrap=True)


def grid(rows: Iterable[Sequence[str]]) -> Ragged:
    """Lines whose last cell is wrapped within its column, in a terminal, and whose others never are."""
    table = Table.grid(padding=(0, 2))
    for place, cells in enumerate(rows):
        if not place:
            for _ in cells[1:]:
                table.add_column(no_wrap=True)
            table.add_column(overflow="fold")
        table.add_row(*map(Text, cells))
    return Ragged(table)


def usage(prog: str, kind: str, commands: Mapping[str, Callable[..., int]], more: str = "") -> Group:
    """What there is to call: each name beside the first line of its docstring, which is wrapped within its column."""
    table = grid((f"  {name}", str(command.__doc__).splitlines()[0]) for name, command in commands.items())
    return Group(f"usage: {prog} {kind} …\n", table, Text(f"\n`{more or f'{prog} {kind} --help'}` says more."))


@contextmanager
def progress(words: str, total: int, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[int], None]]:
    """On standard error a bar with the time left, in a terminal; elsewhere a line now and then. Yields what is told."""
    if not err.is_terminal:
        yield _Lines(words, total, clock).done
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task(words, total=total or None)
        yield lambda count: bar.advance(task, count)


class _Lines:
    """Says how far something is, in a log: not more than every half minute."""

    def __init__(self, words: str, total: int, clock: Callable[[], float]) -> None:
        self._words, self._total, self._clock = words, total, clock
        self._begun = self._said = clock()
        self._done = 0

    def done(self, count: int) -> None:
        self._done += count
        now = self._clock()
        if now - self._said < _LOGGED or not self._done:
            return
        self._said = now
        left = (now - self._begun) * (self._total - self._done) / self._done
        rest = f" of {self._total:,}, about {left / 60:.0f} min left" if self._total else ""
        err.print(Text(f"{self._words}: {self._done:,}{rest}"), soft_wrap=True)


_LOGGED = 30.0
"""Seconds between two lines."""
