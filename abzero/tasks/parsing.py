"""Completion → answer → blocks, call, literal. Linear in the text, total: a value or `Malformed`.

A completion is what follows the prompt, whose last token opens the think tag. Blocks are fenced (```` ```input ````) or
tagged (``<input>``), so that one parser serves every prompt set.
"""

import re
from collections.abc import Iterator

from abzero.errors import Malformed
from abzero.python import literals

_FENCE = re.compile(r"^[ \t]*```[ \t]*+([\w+-]*+)[ \t\r]*$", re.MULTILINE)
_OPENING = re.compile(r"^[ \t]*```[ \t]*+([\w+-]++)[ \t\r]*$|<(program|input|output|message)>", re.MULTILINE)
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
_ALIASES = {"py": "program", "python": "program", "python3": "program"}
_NESTS = {"message"}
"""Blocks of prose, which may quote fenced blocks."""
_DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+([^\W\d]\w*)", re.MULTILINE)
_LEXEME = re.compile(
    r"""\#[^\n]*
    |[rRbBuUfF]{0,2}(?:'''(?:[^\\]|\\.)*?(?:'''|\Z)|\"""(?:[^\\]|\\.)*?(?:\"""|\Z)
        |'(?:[^'\\\n]|\\.)*+'?|"(?:[^"\\\n]|\\.)*+"?)
    |\d\w*
    |\.\s*[^\W\d]\w*
    |(?P<name>[^\W\d]\w*)""",
    re.VERBOSE | re.DOTALL,
)
"""Comments, strings (an open one runs to the end of its line or text), numbers, attributes; and names."""


def answer(completion: str) -> str:
    """The text inside the last answer tags, closed or not; '' where there are none (the reference's extraction)."""
    _, tag, rest = completion.rpartition("<answer>")
    return rest.partition("</answer>")[0].strip() if tag else ""


def thought(completion: str) -> str:
    """What stands before the closing think tag; all of it where there is none."""
    return completion.partition("</think>")[0].strip()


def well_formed(completion: str) -> bool:
    """Whether it reads: a thought, its closing tag, only white space, then one closed answer; text may trail."""
    _, closed, rest = completion.partition("</think>")
    rest = rest.lstrip()
    return bool(closed) and rest.startswith("<answer>") and "</answer>" in rest


def blocks(text: str, name: str) -> list[str]:
    """The contents of all blocks called `name`, fenced or tagged, in order; not those inside another block."""
    return [body for found, body in _blocks(text) if found == name]


def block(text: str, name: str, which: int = 0) -> str:
    """The block called `name` at index `which`, of all that `text` has. Raises `Malformed` if there is none, or if it
    holds what no tokenizer or interpreter reads: NUL, a lone surrogate.
    """
    found = blocks(text, name)
    if not found:
        raise Malformed(f"no {name} block")
    if _UNREADABLE.search(found[which]):
        raise Malformed(f"the {name} block holds a NUL or a lone surrogate")
    return found[which]


def block_or_all(text: str, name: str) -> str:
    """The last block called `name`, or the whole text where there is none: a bare answer is an answer."""
    found = blocks(text, name)
    return found[-1] if found else text


def literal(text: str) -> str:
    """`text` as a canonical literal. Raises `Malformed` unless it is exactly one literal."""
    return literals.canonical_literal(text)


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
    return text if "f" in names else _rename(text, names[-1], "f")


def _rename(source: str, old: str, new: str) -> str:
    return _LEXEME.sub(lambda lexeme: new if lexeme["name"] == old else lexeme.group(), source)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """All outermost blocks of `text`, as (name, content). An open fence runs to the end, an open tag is none."""
    position = 0
    unclosed: set[str] = set()
    while opening := _OPENING.search(text, position):
        begin = position = opening.end()
        if name := _name(opening):
            end, position = _closing(text, begin, nests=name in _NESTS)
            yield name, text[begin + 1 : end]
        elif opening[2] not in unclosed:
            end = text.find(f"</{opening[2]}>", begin)
            if end < 0:
                unclosed.add(opening[2])
            else:
                position = end + len(opening[2]) + 3
                yield opening[2], text[begin:end].strip("\n")


def _name(fence: re.Match[str]) -> str:
    """The name of the block that `fence` opens, '' if it opens none."""
    name = (fence[1] or "").lower()
    return _ALIASES.get(name, name)


def _closing(text: str, begin: int, nests: bool) -> tuple[int, int]:
    """Where the fenced block that begins at `begin` ends, and where reading goes on: a fence that opens the next block
    ends this one, too, unless this one `nests`.
    """
    depth = 1
    for fence in _FENCE.finditer(text, begin):
        depth += 1 if nests and _name(fence) else -1
        if depth == 0:
            return fence.start() - 1, fence.start() if _name(fence) else fence.end()
    return len(text), len(text)
