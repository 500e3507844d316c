"""Which function a program is called by, read from its lines alone: linear in its length and total, whatever it is."""

import keyword
import re
import unicodedata
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache

from abzero.python.source import skeleton

_LINE = re.compile(r"^(?P<indent>[ \t\f]*+)(?P<text>[(]*+[^\W\d][^\n]*+)", re.MULTILINE)
_WORD = re.compile(r"[^\W\d]\w*+")
_DEFINITION = re.compile(r"(?:async\s++)?def\s++([^\W\d]\w*+)\s*+(\(\s*+\)|[(\[])")
_CLASS = re.compile(r"class\s++([^\W\d]\w*+)")
_TARGET = re.compile(r"\s*+([^\W\d]\w*+(?:\s*+,\s*+[^\W\d]\w*+)*+)\s*+(?::(?!=)[^=]*+)?=(?!=)")
_NAMED = re.compile(r"\b([^\W\d]\w*+)\s*+:=")
_FROM = re.compile(r"from\b[^\n;]*?\bimport\b\s*+(\([^)]{0,2000}+\)|[^\n;]*+)")
_LAMBDA = re.compile(r"lambda\b\s*+(:?)")
_PARTIAL = re.compile(r"(?:functools\s*+\.\s*+)?partial\s*+\(")
_DOTTED = re.compile(r"([^\W\d]\w*+)(?:\s*+\.\s*+[^\W\d]\w*+)*+")
_GOES_ON = re.compile(r"[ \t\r]*+(?:$|[,)\n]|(?:if|or|and)\b)")
_TRAILER = re.compile(r"[ \t]*+[(\[]")
_ATTRIBUTES = re.compile(r"(?:[ \t]*+\.[ \t]*+[^\W\d]\w*+)*+")
_BRACKET = re.compile(r"[()\[\]{}:]")
_LONGEST_CALL = 2_000
"""Characters in which the brackets behind a name must close for the value to count as a call."""
_CLOSED = frozenset({"def", "async", "class"})
"""What begins a block whose names are not the program's."""
_OPEN = frozenset(["if", "elif", "else", "for", "while", "try", "except", "finally", "with", "match", "case"])


class _Kind(IntEnum):
    """How sure it is that a name means the function which a program is called by, from least on."""

    NOTHING = 0
    PERHAPS = 1
    """A class, and what a call, another name or an import gives."""
    WITHOUT_ARGUMENTS = 2
    """As ``main`` and tests are."""
    CONDITIONAL = 3
    """A function with arguments, below an ``if`` or its like."""
    FUNCTION = 4


@lru_cache(maxsize=1024)
def entry_point(program: str) -> str | None:
    """The name of the function that a call of `program` calls: ``f`` if the program makes that one, else the last
    function made at top level; one that takes an argument before ``main`` and tests, which take none; ``None`` where
    none is.

    Made is what ``def`` and ``lambda`` make and what `functools.partial` gives; ``f`` may also be a class, imported,
    another name of a function, or what a call gives. What stands below ``if`` and its like counts, but not what only a
    script runs. What strings and comments say makes nothing.
    """
    made = _made(program)
    if made.get("f"):
        return "f"
    best = max((kind for kind in made.values() if kind > _Kind.PERHAPS), default=None)
    return next((name for name in reversed(made) if made[name] == best), None)


def entry_of(program: str) -> str:
    """The entry point of `program`, ``f`` where it has none: then calling that says so."""
    return entry_point(program) or "f"


def takes_arguments(program: str) -> bool:
    """Whether `program` makes a function at top level that a call with arguments could mean."""
    return any(kind >= _Kind.CONDITIONAL for kind in _made(program).values())


@lru_cache(maxsize=1024)
def _made(program: str) -> dict[str, _Kind]:
    """The names that `program` binds at top level, in order, and what they mean as far as that shows."""
    found: dict[str, _Kind] = {}
    code = skeleton(program)
    for statement, begin, conditional in _statements(code):
        for name, kind in _bound(statement, code, begin, found):
            name = unicodedata.normalize("NFKC", name)
            if not name.isidentifier():  # numerals beyond digits are letters to `re` alone
                continue
            if conditional and kind == _Kind.FUNCTION:
                kind = _Kind.CONDITIONAL
            known = found.pop(name, _Kind.NOTHING)
            found[name] = max(known, kind)
    return found


def _statements(code: str) -> Iterator[tuple[str, int, bool]]:
    """The statements of `code` outside of functions and classes, line by line, where each begins, and whether it stands
    below another.
    """
    blocks: list[tuple[int, bool]] = []
    for line in _LINE.finditer(code):
        depth = len(line["indent"].rpartition("\f")[2].expandtabs(8))
        while blocks and blocks[-1][0] >= depth:
            blocks.pop()
        hidden = blocks[-1][1] if blocks else depth > 0
        text, begin = line["text"], line.start("text")
        if hidden and blocks:
            continue
        word = _WORD.match(text)
        head = word[0] if word else ""
        if head in _CLOSED:
            blocks.append((depth, True))
        if not hidden and head in _OPEN and (after := _body(text)):
            script = "__name__" in text[:after] and "!=" not in text[:after] and head in ("if", "elif")
            blocks.append((depth, script))
            hidden, text, begin = script, text[after:], begin + after
        if not hidden:
            for part in text.split(";"):
                yield part.strip(), begin + len(part) - len(part.lstrip()), len(blocks) > (head in _CLOSED)
                begin += len(part) + 1


def _body(header: str) -> int:
    """Where what `header` begins goes on behind its colon; 0 where it has none."""
    depth = 0
    for mark in _BRACKET.finditer(header):
        if mark[0] == ":" and depth <= 0:
            return mark.end()
        depth += (mark[0] in "([{") - (mark[0] in ")]}")
    return 0


def _bound(statement: str, code: str, begin: int, known: dict[str, _Kind]) -> Iterator[tuple[str, _Kind]]:
    """What `statement`, at `begin` of `code`, binds."""
    if definition := _DEFINITION.match(code, begin):
        yield definition[1], _Kind.FUNCTION if definition[2] in ("(", "[") else _Kind.WITHOUT_ARGUMENTS
    elif made := _CLASS.match(statement):
        yield made[1], _Kind.PERHAPS
    elif imported := _FROM.match(code, begin):
        for part in imported[1].split(","):
            if words := _WORD.findall(part):
                yield words[-1], _Kind.PERHAPS
    elif target := _TARGET.match(statement):
        names: list[str] = []
        while target:
            names += [name.strip() for name in target[1].split(",")]
            position = target.end()
            target = _TARGET.match(statement, position)
        for name in names:
            yield name, _of_value(code, begin + position, name == "f", known)
    else:
        for named in _NAMED.finditer(statement):
            yield named[1], _of_value(code, begin + named.end(), named[1] == "f", known)


def _of_value(code: str, begin: int, is_f: bool, known: dict[str, _Kind]) -> _Kind:
    """What the expression is that begins at `begin` of `code`."""
    while begin < len(code) and code[begin] in "( \t\f\n":
        begin += 1
    if function := _LAMBDA.match(code, begin):
        return _Kind.WITHOUT_ARGUMENTS if function[1] else _Kind.FUNCTION
    if _PARTIAL.match(code, begin):
        return _Kind.FUNCTION
    name = _DOTTED.match(code, begin)
    if not is_f or not name or keyword.iskeyword(name[1]):
        return _Kind.NOTHING
    if _GOES_ON.match(code, name.end()):
        return _Kind.PERHAPS if known.get(name[0], _Kind.PERHAPS) else _Kind.NOTHING
    return _Kind.PERHAPS if _GOES_ON.match(code, _behind_brackets(code, name.end())) else _Kind.NOTHING


def _behind_brackets(code: str, begin: int) -> int:
    """Where the calls, subscripts and attributes end that begin at `begin` of `code`; `begin` where they do not."""
    position, end = begin, begin + _LONGEST_CALL
    while _TRAILER.match(code, position):
        depth = 0
        for mark in _BRACKET.finditer(code, position, end):
            depth += (mark[0] in "([{") - (mark[0] in ")]}")
            if depth == 0 and mark[0] != ":":
                break
        else:
            return begin
        attributes = _ATTRIBUTES.match(code, mark.end())
        position = attributes.end() if attributes else mark.end()
    return position
