"""Completion → answer → blocks, call, literal. Linear in the text, total: a value or `Malformed`.

A completion is what follows the prompt, whose last token opens the think tag. Blocks are fenced (```` ```input ````) or
tagged (``<input>``), so that one parser serves every prompt set.
"""

import re
from collections.abc import Iterator

from abzero import literals
from abzero.errors import Malformed

_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[ \t]*$")
_TAG = re.compile(r"<(program|input|output|message)>")
_ALIASES = {"py": "program", "python": "program", "python3": "program"}
_NESTS = {"message"}
"""Blocks of prose, which may quote fenced blocks."""
_DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+([^\W\d]\w*)", re.MULTILINE)
_LEXEME = re.compile(
    r"(?P<skip>#[^\n]*|'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<attribute>\.\s*[^\W\d]\w*)|(?P<name>[^\W\d]\w*)",
    re.DOTALL,
)


def answer(completion: str) -> str:
    """The text inside the last answer tags, closed or not; '' where there are none (the reference's extraction)."""
    _, tag, rest = completion.rpartition("<answer>")
    return rest.partition("</answer>")[0].strip() if tag else ""


def well_formed(completion: str) -> bool:
    """Whether it reads: a thought, its closing tag, only white space, then one closed answer; text may trail."""
    _, closed, rest = completion.partition("</think>")
    rest = rest.lstrip()
    return bool(closed) and rest.startswith("<answer>") and "</answer>" in rest


def blocks(text: str, name: str) -> list[str]:
    """The contents of all blocks called `name`, fenced or tagged, in order; not those inside another block."""
    return [body for found, body in _blocks(text) if found == name]


def block(text: str, name: str, which: int = 0) -> str:
    """The block called `name` at index `which`, of all that `text` has. Raises `Malformed` if there is none."""
    found = blocks(text, name)
    if not found:
        raise Malformed(f"no {name} block")
    return found[which]


def block_or_all(text: str, name: str) -> str:
    """The last block called `name`, or the whole text where there is none: a bare answer is an answer."""
    found = blocks(text, name)
    return found[-1] if found else text


def literal(text: str) -> str:
    """`text` as a canonical literal. Raises `Malformed` unless it is exactly one literal."""
    return literals.canonical(literals.parse(text))


def arguments(text: str) -> str:
    """`text` as canonical literal arguments of one call. Raises `Malformed`: ``1) or (True`` is not one call of f."""
    return literals.canonical_arguments(text)


def program(text: str) -> str:
    """`text` with its entry point called ``f``: the ``f`` it defines, else its last top-level function, renamed.

    Renames names, never attributes, strings or comments. Raises `Malformed` if no function is defined at top level.
    """
    text = text.replace("\r\n", "\n").strip("\n")
    names = _DEFINITION.findall(text)
    if not names:
        raise Malformed("no function is defined at top level")
    if "\0" in text:
        raise Malformed("the program holds a NUL character")
    return text if "f" in names else _rename(text, names[-1], "f")


def _rename(source: str, old: str, new: str) -> str:
    return _LEXEME.sub(lambda lexeme: new if lexeme["name"] == old else lexeme.group(), source)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """All outermost blocks of `text`, as (name, content)."""
    lines = text.split("\n")
    position = 0
    while position < len(lines):
        start = position
        if name := _opens(lines[position]):
            end = _closing(lines, start + 1, nests=name in _NESTS)
            yield name, "\n".join(lines[start + 1 : end])
            position = end if end < len(lines) and _opens(lines[end]) else end + 1
        else:
            while position < len(lines) and not _opens(lines[position]):
                position += 1
            yield from _tagged("\n".join(lines[start:position]))


def _opens(line: str) -> str:
    """The name of the block whose fence `line` opens, else ''."""
    fence = _FENCE.match(line)
    name = fence[1].lower() if fence else ""
    return _ALIASES.get(name, name)


def _closing(lines: list[str], start: int, nests: bool) -> int:
    """The index of the fence that ends the block which begins at `start`; past the end if none does."""
    depth = 1
    for index in range(start, len(lines)):
        if _FENCE.match(lines[index]):
            depth += 1 if nests and _opens(lines[index]) else -1
            if depth == 0:
                return index
    return len(lines)


def _tagged(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while match := _TAG.search(text, position):
        end = text.find(f"</{match[1]}>", match.end())
        if end < 0:
            return
        yield match[1], text[match.end() : end].strip("\n")
        position = end + len(match[1]) + 3
