"""A program as text, read by its lexemes alone: linear in its length and total, whatever the text is.

Nothing here parses: the text may be hostile, and nobody has compiled it yet.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_STRING = r"""'''(?:[^\\]|\\(?:.|\Z))*?(?:'''|\Z)|\"""(?:[^\\]|\\(?:.|\Z))*?(?:\"""|\Z)
    |'(?:[^'\\\n]|\\(?:.|\Z))*+'?|"(?:[^"\\\n]|\\(?:.|\Z))*+"?"""
_LEXEME = re.compile(
    rf"""(?P<comment>\#[^\n]*)
    |(?P<string>[rRbBuUfF]{{0,2}}(?:{_STRING}))
    |(?P<number>\d\w*(?:\.\w*)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<newline>\n)
    |(?P<space>[ \t\f\r\ufeff]+|\\\r?\n)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_NO_CODE = re.compile(rf"\#[^\n]*|{_STRING}|\\\r?\n", re.VERBOSE | re.DOTALL)
_LONGEST_SIGNATURE = 2_000
"""Characters in which a function's parameters must end for their types to be known for such."""
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_FUTURE = re.compile(r"^from[ \t]+__future__[ \t]+import[^\n(]*(?:\([^)]*\))?[^\n]*$", re.MULTILINE)


class Lexeme(NamedTuple):
    """A piece of a program's text; a string that nobody closes runs to the end of its line, or of the text."""

    kind: str
    """``comment``, ``string``, ``number``, ``name``, ``newline``, ``space`` or ``mark``."""
    text: str
    begin: int
    end: int


def lexemes(program: str) -> Iterator[Lexeme]:
    """All of `program`, piece by piece; joined, they are the text again."""
    for match in _LEXEME.finditer(program):
        yield Lexeme(match.lastgroup or "", match.group(), match.start(), match.end())


def skeleton(program: str) -> str:
    """`program` without comments, with strings emptied and continued lines joined."""
    return _NO_CODE.sub(lambda found: {"#": "", "\\": " "}.get(found.group()[0], "''"), program)


def remarks(program: str) -> list[str]:
    """What `program` says to its reader alone: its comments, and texts that are statements, such as docstrings."""
    return [program[begin:end] for begin, end in _remarks(program)]


def states(program: str, answer: str) -> bool:
    """Whether a remark of `program` holds `answer`, as a word or words of its own."""
    whole = re.compile(rf"(?<![\w.]){re.escape(answer)}(?!\w|\.\d)")
    return bool(answer) and any(whole.search(remark) for remark in remarks(program))


def without_remarks(program: str) -> str:
    """`program` without its comments and docstrings; one that is the only statement of its block becomes ``pass``."""
    parts, position = [], 0
    for begin, end in _remarks(program):
        line = program.rfind("\n", 0, begin) + 1
        alone = not program[line:begin].strip(" \t\f")
        if program[begin] == "#":
            start = line if alone else begin - (len(program[:begin]) - len(program[:begin].rstrip(" \t\f")))
            stop = end + 1 if alone else end
            filling = ""
        else:
            indent, rest = program[line:begin], re.match(r"[^\n]*\n(?:[ \t\f]*(?:#[^\n]*)?\n)*", program[end:] + "\n")
            follows = program[end + (rest.end() if rest else 0) :]
            more = bool(follows) and follows.startswith(indent) and follows[len(indent) : len(indent) + 1].strip() != ""
            start, stop, filling = begin, end, "" if more else "pass"
            if more and program[end : end + 1] in ("\n", ""):
                start, stop = line, end + 1
            elif more:
                filling = "pass"
        start = max(start, position)
        parts += [program[position:start], filling]
        position = max(position, stop)
    return "".join([*parts, program[position:]]).strip("\n")


def _remarks(program: str) -> Iterator[tuple[int, int]]:
    """Where comments and strings that are statements begin and end."""
    depth, fresh = 0, True
    waiting: tuple[int, int] | None = None
    for kind, text, begin, end in lexemes(program):
        if waiting and kind in ("comment", "newline"):
            yield waiting
        if kind != "space":
            waiting = None
        match kind:
            case "comment":
                yield begin, end
            case "string":
                waiting = (begin, end) if fresh else None
                fresh = False
            case "newline":
                fresh = depth == 0
            case "mark":
                depth += (text in _OPENING) - (text in _CLOSING)
                fresh = False
            case "number" | "name":
                fresh = False
    if waiting:
        yield waiting


_HINTED = re.compile(
    r"(?<![\w.])(?P<name>[^\W\d][\w.]*+)[ \t]*+:[ \t]*+[^\W\d][\w.]*+(?:\[[^=\n:{}()]*+\])?+"
    r"(?:[ \t]*+\|[ \t]*+[\w.\[\], ]++)*+(?=[ \t]*+=(?!=))"
)
_HEADER = re.compile(r"\bdef[ \t]++[^\W\d]\w*+[ \t]*+\(")


def without_hints(program: str) -> str:
    """`program` without the type hints of assignments and of functions, as far as that is what they look like."""
    parts, position = [], 0
    for header in _HEADER.finditer(program):
        if header.start() >= position:
            parts.append(_HINTED.sub(r"\g<name>", program[position : header.end()]))
            signature, position = _bare_signature(program, header.end())
            parts.append(signature)
    return "".join([*parts, _HINTED.sub(r"\g<name>", program[position:])])


def _bare_signature(program: str, begin: int) -> tuple[str, int]:
    """The parameters that begin behind a bracket at `begin`, up to the colon, without their types; where they end."""
    kept: list[str] = []
    depth, typed = 1, False
    for lexeme in lexemes(program[begin : begin + _LONGEST_SIGNATURE]):
        mark = lexeme.text if lexeme.kind == "mark" else ""
        if depth == 0 and mark == ":":
            return "".join(kept), begin + lexeme.begin
        depth += (mark in _OPENING) - (mark in _CLOSING) if mark else 0
        typed = (typed and not (depth == 1 and mark in (",", "="))) or (depth == 1 and mark == ":") or depth == 0
        if not typed:
            kept.append(lexeme.text)
        elif depth == 0 and mark == ")":
            kept.append(mark)
    return "", begin


def with_imports(program: str, imports: Sequence[str]) -> str:
    """`program` with those of the statements `imports` that it lacks before its first line, or behind what must come
    first: a docstring, and imports from ``__future__``.
    """
    lines = {line.strip() for line in skeleton(program).split("\n")}
    missing = [statement for statement in imports if statement.strip() not in lines]
    if not missing:
        return program
    ends = [
        match.end()
        for match in re.finditer(r"^from[ \t]+__future__[ \t]+import[^\n(]*(?:\([^)]*\))?[^\n]*$", program, re.M)
    ]
    if not ends:
        return "\n".join([*missing, program])
    return program[: ends[-1]] + "\n" + "\n".join(missing) + program[ends[-1] :]
