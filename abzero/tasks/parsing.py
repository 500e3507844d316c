"""Completion → answer → blocks, call, literal. Linear in the text, total: a value or `Malformed`.

A completion is what follows the prompt, whose last token opens the think tag. Blocks are fenced (three or more
backticks or tildes, indented or not, with a label and perhaps more after it) or tagged (``<input>``), so that one
parser serves every prompt set. Tags inside a string literal are part of it.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from abzero.errors import Malformed
from abzero.python import literals
from abzero.python.entry import entry_point, takes_arguments

_FENCE = re.compile(
    r"^(?P<lead>[ \t\xa0\u200b\ufeff]*+(?:>[ \t]*+)*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?)"
    r"(?P<marks>`{3,}+(?=[^`\n]*+$)|~{3,}+)(?P<rest>[^\n]*+)$",
    re.MULTILINE,
)
_QUOTE = r"(?<!\w)[rRbBuUfF]{0,2}(?P<quote>'''|\"\"\"|'|\")"
_OPENING = re.compile(rf"{_FENCE.pattern}|<(?P<tag>program|input|output|message)>|{_QUOTE}", re.MULTILINE)
_ENDS = {tag: re.compile(rf"(?P<tag></?{tag}>)|{_QUOTE}") for tag in ("program", "input", "output")}
_ANSWER_TAG = re.compile(rf"<(?P<tag>/?answer)>|{_QUOTE}")
_FORMAT = re.compile(r"</think>\s*+<answer>")
_CLOSED = {
    "'": re.compile(r"(?:[^'\\\n]|\\[^\n])*+'"),
    '"': re.compile(r'(?:[^"\\\n]|\\[^\n])*+"'),
    "'''": re.compile(r"(?:[^'\\]|\\.|'(?!''))*+'''", re.DOTALL),
    '"""': re.compile(r'(?:[^"\\]|\\.|"(?!""))*+"""', re.DOTALL),
}
"""By opening quote: the rest of a string that is closed, on its line or, in three quotes, anywhere."""
_SPAN = re.compile(r"\s*+(`++) ?([^`\n]++)\1\s*+")
_LABEL = re.compile(r"[ \t]*\{?[ \t]*\.?([\w+-]+)")
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
_ALIASES = dict.fromkeys(("py", "py2", "py3", "python", "python2", "python3", "ipython", "ipython3"), "program")
_NAMES = ("program", "input", "output", "message")
_NESTS = {"message"}
"""Blocks of prose, which may quote fenced blocks."""


def answer(completion: str) -> str:
    """The text inside the last closed answer tags behind the thought; if none are closed, behind the last opening one;
    '' where there is none. Tags in a string literal are part of it.
    """
    shape = _FORMAT.search(completion)
    text = completion[shape.end() - len("<answer>") :] if shape else completion.partition("</think>")[2] or completion
    found, begin = None, None
    for tag in _outside_strings(_ANSWER_TAG, text):
        if tag["tag"] == "answer":
            begin = tag.end()
        elif begin is not None:
            found, begin = text[begin : tag.start()], None
    if found is None:
        _, opened, rest = completion.rpartition("<answer>")
        found = rest.partition("</answer>")[0] if opened else ""
    return found.strip()


def thought(completion: str) -> str:
    """What stands before the closing think tag; all of it where there is none."""
    return completion.partition("</think>")[0].strip()


def well_formed(completion: str) -> bool:
    """Whether it reads: a thought, its closing tag, only white space, then one closed answer; text may trail."""
    shape = _FORMAT.search(completion)
    return shape is not None and "</answer>" in completion[shape.end() :]


def blocks(text: str, name: str) -> list[str]:
    """The contents of all blocks called `name`, fenced or tagged, in order; not those inside another block."""
    return [body for found, body in _blocks(text) if found == name]


def block(text: str, name: str, which: int = 0) -> str:
    """The block called `name` at index `which`, of all that `text` has; of programs, of those that define a function,
    and if there are such, one that takes an argument.

    If none has that name, the only fenced block that could be it: one that defines a function, or reads as a literal,
    as arguments. Raises `Malformed` if there is none, or several different ones, or if it holds what no tokenizer or
    interpreter reads: NUL, a lone surrogate.
    """
    found = [body for label, body in _blocks(text) if label == name]
    if name == "program":
        defining = [body for body in found if entry_point(body)]
        found = [body for body in defining if takes_arguments(body)] or defining or _unlabelled(text, name) or found
    found = found or _unlabelled(text, name)
    if not found:
        raise Malformed(f"no {name} block")
    if _UNREADABLE.search(found[which]):
        raise Malformed(f"the {name} block holds a NUL or a lone surrogate")
    return found[which]


def block_or_all(text: str, name: str) -> str:
    """The last block called `name`; where there is none the whole text, if that reads (a bare answer is an answer, also
    as a span of code); else the only fenced block that does.
    """
    if found := blocks(text, name):
        return found[-1]
    if _READS[name](text):
        return text
    if span := _SPAN.fullmatch(text):
        return span[2]
    return next(iter(_unlabelled(text, name)), text)


def literal(text: str) -> str:
    """`text` as a canonical literal. Raises `Malformed` unless it is exactly one literal."""
    return literals.canonical_literal(text)


def arguments(text: str) -> str:
    """`text` as canonical literal arguments of one call. Raises `Malformed`: ``1) or (True`` is not one call of f."""
    return literals.canonical_arguments(text)


def program(text: str) -> str:
    """`text` as it is, but for line ends and empty lines around it. Raises `Malformed` if it defines no function at top
    level, and so has no entry point.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if entry_point(text) is None:
        raise Malformed("no function is defined at top level")
    return text


def _reads(read: Callable[[str], str]) -> Callable[[str], bool]:
    def reads(text: str) -> bool:
        try:
            return bool(read(text))
        except Malformed:
            return False

    return reads


_READS: dict[str, Callable[[str], bool]] = {
    "program": lambda text: entry_point(text) is not None,
    "input": _reads(arguments),
    "output": _reads(literal),
    "message": lambda text: False,
}


def _unlabelled(text: str, name: str) -> list[str]:
    """The fenced block that could be the `name` block though it is labelled otherwise, or not at all; none if several
    different ones could.
    """
    labels = ("",) if name == "program" else ("", "program")
    found = list(dict.fromkeys(body for label, body in _blocks(text) if label in labels and _READS[name](body)))
    return found if len(found) == 1 else []


class _Block(NamedTuple):
    name: str
    """'' for a fence that is labelled otherwise, or not at all."""
    body: str


def _blocks(text: str) -> Iterator[_Block]:
    """All outermost blocks of `text`. An open fence runs to the end, an open tag is none, and what stands in a fence of
    no name is looked at, too.
    """
    unclosed: set[str] = set()
    within = position = 0
    for opening in _outside_strings(_OPENING, text):
        if opening.start() < position:
            continue
        if tag := opening["tag"]:
            begin, end = (0, -1) if tag in unclosed else _tagged(text, opening.end(), tag)
            if end < 0:
                unclosed.add(tag)
            else:
                position = end + len(tag) + 3
                yield _Block(tag, _unfenced(text[begin:end]))
        elif (name := _name(opening)) or opening.start() >= within:
            end, position = _closing(text, opening, nests=name in _NESTS)
            yield _Block(name, _flush(_unquoted(text[opening.end() + 1 : end], opening["lead"].count(">"))))
            if not name:
                within, position = position, opening.end()


def _outside_strings(pattern: re.Pattern[str], text: str, position: int = 0) -> Iterator[re.Match[str]]:
    """The matches of `pattern` that stand in no string literal, as far as such literals are closed."""
    hopeless = dict.fromkeys(_CLOSED, 0)
    while match := pattern.search(text, position):
        position = match.end()
        quote = match["quote"]
        if quote is None:
            yield match
        elif position >= hopeless[quote]:
            if closed := _CLOSED[quote].match(text, position):
                position = closed.end()
            else:
                line_end = text.find("\n", position)
                hopeless[quote] = len(text) if len(quote) == 3 or line_end < 0 else line_end


def _tagged(text: str, begin: int, tag: str) -> tuple[int, int]:
    """Where the content of a tag that opens before `begin` begins and ends, if possible outside of string literals: a
    tag that opens once more was only named before. The end is -1 if the tag is never closed.
    """
    first = text.find(f"</{tag}>", begin)
    if first >= 0 and tag not in _NESTS:
        start = begin
        for match in _outside_strings(_ENDS[tag], text, begin):
            if match["tag"][1] == "/":
                return start, match.start()
            start = match.end()
    return begin, first


def _name(fence: re.Match[str]) -> str:
    """The name of the block that `fence` opens, '' if it has none of ours."""
    label = _LABEL.match(fence["rest"])
    name = label[1].lower() if label else ""
    return _ALIASES.get(name, name if name in _NAMES else "")


def _closing(text: str, opening: re.Match[str], nests: bool) -> tuple[int, int]:
    """Where the fenced block of `opening` ends, and where reading goes on. A fence of the same kind, as long at least,
    no deeper indented and with nothing after it closes; one that opens a named block ends this one, too, unless this
    one `nests`.
    """
    depth = 1
    deepest = len(opening["lead"].expandtabs(4)) + 3
    for fence in _FENCE.finditer(text, opening.end()):
        bare = not fence["rest"].strip()
        if fence["marks"][0] != opening["marks"][0] or len(fence["lead"].expandtabs(4)) > deepest:
            continue
        if bare and len(fence["marks"]) < len(opening["marks"]):
            continue
        if fence["lead"].count(">") != opening["lead"].count(">"):
            continue
        if not bare and not _name(fence):
            continue
        depth += 1 if nests and not bare else -1
        if depth == 0:
            return fence.start() - 1, fence.end() if bare else fence.start()
    return len(text), len(text)


def _unquoted(body: str, depth: int) -> str:
    """`body` without the marks of so many quotations around it."""
    return re.sub(rf"^(?:[ \t]*>[ \t]?){{{depth}}}", "", body, flags=re.MULTILINE) if depth else body


def _flush(body: str) -> str:
    """`body` without the indentation of its first line, as far as its other lines have it."""
    margin = re.match(r"(?:[ \t\r]*+\n)*+([ \t]*+)", body)
    if not margin or not margin[1]:
        return body
    return re.sub(rf"^(?:{margin[1]}|[ \t]{{1,{len(margin[1])}}})", "", body, flags=re.MULTILINE)


def _unfenced(body: str) -> str:
    """What the tags hold; if that is one fence, what the fence holds."""
    body = body.strip("\n")
    fence = _FENCE.match(body)
    if fence and not fence["lead"].strip():
        end, after = _closing(body, fence, nests=False)
        if not body[after:].strip():
            return _flush(body[fence.end() + 1 : end])
    return _flush(body)
