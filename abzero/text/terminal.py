"""Building blocks of what is printed: readable at 60 columns, and neither wrapped nor padded into a pipe."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from abzero.text.sanitize import abridged, harmless

UNBOUNDED = 100_000
"""The width of a pipe: nothing is wrapped at it, and nothing may be stretched to it."""


def heading(text: str) -> Text:
    """A heading within a page."""
    return Text(f"── {text} ──", style="bold")


def counted(count: int, noun: str) -> str:
    """``1 hit``, ``2,000 hits``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class Sentence:
    """Words that break between words in a terminal, and nowhere else; a command that they name stays in one piece."""

    words: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(wrapped(self.words, options.max_width) if console.is_terminal else self.words, self.style)


COMMAND = re.compile(r"\babzero(?: (?:[^ `),;:…]|[:,](?! |$))+)+")
"""A command within a sentence, which somebody may copy: as far as the clause goes."""
KEPT = "\N{NO-BREAK SPACE}"


def wrapped(words: str, width: int) -> str:
    """`words` in lines of `width` characters; what is longer than a line is left to the terminal, which cuts it."""
    kept = COMMAND.sub(lambda found: found[0].replace(" ", KEPT) if len(found[0]) <= width else found[0], words)
    lines = (
        textwrap.fill(
            line, width, break_long_words=False, break_on_hyphens=False, expand_tabs=False, replace_whitespace=False
        )
        for line in kept.split("\n")
    )
    return "\n".join(lines).replace(KEPT, " ")


@dataclass(frozen=True)
class SourceText:
    """Source text: coloured in a terminal, plain elsewhere."""

    source: str
    limit: int = 4_000

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = abridged(self.source, self.limit)
        if console.is_terminal:
            from rich.syntax import Syntax  # what colours takes long to load

            from abzero.python.language import PYTHON

            yield Syntax(text, PYTHON.name, theme="ansi_dark", background_color="default", word_wrap=True)
        else:
            yield Text(text)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, Text(abridged(self.source, self.limit)))


@dataclass(frozen=True)
class Pairs:
    """Names and values: as many beside each other as fit a terminal, one a line elsewhere."""

    values: Mapping[str, str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        pairs = [Text.assemble((f"{harmless(name)} ", "dim"), harmless(value)) for name, value in self.values.items()]
        yield Columns(pairs, padding=(0, 3)) if console.is_terminal else Group(*pairs)


@dataclass(frozen=True)
class Ragged:
    """What is filled up to a width in a terminal: elsewhere no line of it ends in blanks."""

    filled: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if console.is_terminal:
            yield self.filled
            return
        for line in console.render_lines(self.filled, options, pad=False):
            yield Segment("".join(segment.text for segment in line).rstrip() + "\n")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self.filled)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: of two that do not both fit, the one of the higher `rank` is left out; rank 0 always stays."""

    name: str
    rank: int = 0
    justify: JustifyMethod = "left"


@dataclass
class RankedTable:
    """A table that leaves out columns, by rank, until it fits; it says which."""

    columns: Sequence[Column]
    title: str = ""
    rows: list[Sequence[Text | str]] = field(default_factory=list)

    def add_row(self, *cells: Text | str) -> None:
        self.rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        chosen = list(range(len(self.columns)))
        wide = options.update(width=UNBOUNDED)
        while Measurement.get(console, wide, self._table(chosen)).maximum > options.max_width:
            last = max(chosen, key=lambda index: (self.columns[index].rank, index))
            if self.columns[last].rank == 0:
                break
            chosen.remove(last)
        yield Ragged(self._table(chosen))
        left_out = [one.name.replace("\n", " ") for index, one in enumerate(self.columns) if index not in chosen]
        if left_out:
            yield Text(f"(too narrow for: {', '.join(left_out)})", style="dim")

    def _table(self, chosen: Sequence[int]) -> Table:
        made = Table(box=SIMPLE_HEAD, collapse_padding=True, title=self.title or None, title_justify="left")
        for index in chosen:
            made.add_column(Text(self.columns[index].name), justify=self.columns[index].justify, overflow="fold")
        for cells in self.rows:
            made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in map(cells.__getitem__, chosen)))
        return made
