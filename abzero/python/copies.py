"""Whether a text holds a program: in another layout, with other names for its variables, with remarks or without."""

import builtins
import keyword
import re
from collections.abc import Iterator
from itertools import islice
from textwrap import dedent

from abzero.python.analysis import untyped_form
from abzero.python.entry import entry_of, entry_point
from abzero.python.source import lexemes, without_hints, without_remarks

_FIXED = frozenset(keyword.kwlist) | frozenset(dir(builtins))
"""Names that a program does not choose."""
_LAYOUT = frozenset("();`")
_SHORTEST_BODY = 12
"""Tokens of a body that is told apart from a phrase that many programs share."""
_MOST_BEGINNINGS = 4
"""Of a program in prose, which may begin a line as code does."""
_MOST_LINES = 20
"""Of prose behind a program, which are tried to be left out."""
_DECORATION = re.compile(r"^(?:[ \t]*(?:[>|*•+-]|\d{1,3}[.):|]))+[ \t]?`?|`?[ \t]*\|[ \t]*$|`$", re.MULTILINE)
"""What a list, a quotation, a table or a listing puts around its lines."""
_CODE = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class|import|from|@)\b", re.MULTILINE)
_ANY = "·"


def holds(text: str, program: str) -> bool:
    """Whether the tokens of `program`, or those of its entry point's body, stand in `text` one after the other, with
    names in the place of names; or code in `text` has the normal form of `program`. Type hints do not count, nor does
    what numbers, quotes or points at the lines of `text`, or stands for their ends.
    """
    bare, form = without_remarks(program), untyped_form(program)
    parts = [part for part in (_tokens(bare), _body(bare)) if part]
    untyped = [part for part in (_tokens(without_hints(bare)), _body(without_hints(bare))) if part]
    whole = text.replace("\\n", "\n")
    for reading in dict.fromkeys((whole, _DECORATION.sub("", whole))):
        if any(_stands(part, _tokens(reading)) for part in parts):
            return True
        if any(_stands(part, _tokens(without_hints(reading))) for part in untyped):
            return True
        if any(untyped_form(code) == form for code in _codes(reading)):
            return True
    return False


def _tokens(text: str) -> list[str]:
    """What counts of `text`: no layout, no parentheses; a name as `_name` or itself, a string by its content."""
    found: list[str] = []
    for kind, piece, _, _ in lexemes(text):
        match kind:
            case "name":
                attribute = found[-1:] == ["."]
                found.append(piece if attribute or piece in _FIXED else _ANY + piece)
            case "string":
                found.append(f"'{piece.lstrip('rRbBuUfF').strip(chr(34) + chr(39))}'")
            case "number":
                found.append(piece)
            case "mark" if piece not in _LAYOUT and piece.isascii():
                found.append(piece)
    return found


def _body(program: str) -> list[str]:
    """The tokens behind the header of the entry point; none where they are too few to be told apart."""
    header = re.search(rf"\bdef[ \t]+{re.escape(entry_of(program))}\b[^\n]*?:[ \t]*(?:\n|(?=\S))", program)
    tokens = _tokens(program[header.end() :]) if header else []
    return tokens if len(tokens) >= _SHORTEST_BODY else []


def _stands(part: list[str], words: list[str]) -> bool:
    """Whether `part` stands in `words`, up to a renaming, one to one, of the names that a program chooses."""
    text = "\n".join(["", *map(_shape, words), ""])
    sought = "\n".join(["", *map(_shape, part), ""])
    at = text.find(sought)
    while at >= 0:
        here = words[text.count("\n", 0, at) :][: len(part)]
        pairs = set(zip(part, here, strict=True))
        if len({one for one, _ in pairs}) == len(pairs) == len({other for _, other in pairs}):
            return True
        at = text.find(sought, at + 1)
    return False


def _shape(token: str) -> str:
    return _ANY if token.startswith(_ANY) else token.replace("\n", " ")


def _codes(text: str) -> Iterator[str]:
    """Parts of `text` that could be a program: from one of the first lines on that begin one, without some of the lines
    at the end.
    """
    for begin in islice(_CODE.finditer(text), _MOST_BEGINNINGS):
        lines = dedent(text[begin.start() :]).split("\n")
        for last in range(len(lines), max(0, len(lines) - _MOST_LINES), -1):
            code = "\n".join(line for line in lines[:last] if not line.lstrip().startswith(("```", "~~~")))
            if entry_point(code):
                yield code
