"""The fenced and tagged blocks of an answer: linear in its length and total, whatever it is.

A fence is three or more backticks or tildes, with a label and perhaps more behind it. It opens a block where it begins
a line, or ends one that prose begins; it closes one on a line of its own, or glued to the block's last line. Blocks are
indented or not, quoted or not. Strings are read as wholes: what stands in one is part of it.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

QUOTE = r"(?<!\w)[rRbBuUfF]{0,2}(?P<quote>'''|\"\"\"|'|\")"
_LEAD = r"(?P<lead>[ \t\xa0\u200b\ufeff]*+(?:>[ \t]*+)*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?)"
_FENCE = re.compile(rf"^{_LEAD}(?P<marks>`{{3,}}+(?=[^`\n]*+$)|~{{3,}}+)(?P<rest>[^\n]*+)$", re.MULTILINE)
_GLUED = r"(?<=[^\s`])[ \t]*+(?P<glued>`{3,}+)(?P<info>[ \t]*+[\w{}.+-]*+[ \t\r]*+)$"
_INLINE = r"(?<!`)(?P<run>`{3,}+)(?P<content>[^`\n]++)(?P=run)(?!`)"
_TAG = r"<[ \t]*+(?P<tag>program|input|output|message)[ \t]*+>"
_OPENING = re.compile(rf"{_FENCE.pattern}|{_GLUED}|{_INLINE}|(?i:{_TAG})|{QUOTE}", re.MULTILINE)
_TAIL = re.compile(
    rf"(?<!`)(?P<tail>`{{3,}}+)(?:[ \t\r]*+$|(?P<prose>[ \t][^`\n]*+)(?=$|`{{3,}}+[^`\n]*+$))|{QUOTE}", re.MULTILINE
)
"""Marks behind which a line ends, or prose follows that may open the next block."""
_ENDS = {
    tag: re.compile(rf"(?i:<[ \t]*+(?P<closes>/?)[ \t]*+(?P<tag>{tag})[ \t]*+>)|{QUOTE}")
    for tag in ("program", "input", "output")
}
_CLOSED = {
    "'": re.compile(r"(?:[^'\\\n]|\\[^\n])*+'"),
    '"': re.compile(r'(?:[^"\\\n]|\\[^\n])*+"'),
    "'''": re.compile(r"(?:[^'\\]|\\.|'(?!''))*+'''", re.DOTALL),
    '"""': re.compile(r'(?:[^"\\]|\\.|"(?!""))*+"""', re.DOTALL),
}
"""By opening quote: the rest of a string that is closed, on its line or, in three quotes, anywhere."""
_CLOSING_TAG = {
    tag: re.compile(rf"<[ \t]*+/[ \t]*+{tag}[ \t]*+>", re.IGNORECASE)
    for tag in ("program", "input", "output", "message")
}
_PROSE = re.compile(r"[ \t]+\w[^\s={}]*+(?:[ \t]+[^\s={}]++)++[ \t\r]*+$|[ \t]+\w+[.,:;!?][ \t\r]*+$")
"""What follows marks that close a block, not what labels one."""
_CODE = re.compile(
    r"[ \t]*+(?:async[ \t]+def|def|class)[ \t]+\w|[ \t]*+(?:import[ \t]+\w|from[ \t]+\S+[ \t]+import\b|@\w)"
)
_PYTHON = re.compile(r"i?py(?:thon)?\d*k?")
_NAME = re.compile(r"(program|input|output|message)s?\d*")
_SESSIONS = frozenset({"repl", "console", "session", "traceback"})
"""What a label says of an interpreter's screen, which is no program."""
_SPLIT = re.compile(r"[^\w+]+|_+")
_NESTS = frozenset({"message"})
"""Blocks of prose, which may quote fenced blocks."""


class TextBlock(NamedTuple):
    name: str
    """``program``, ``input``, ``output``, ``message``; '' for a fence that is labelled otherwise, or not at all."""
    body: str


class _Fence(NamedTuple):
    lead: str
    marks: str
    rest: str
    end: int

    @property
    def margin(self) -> int:
        return len(self.lead.expandtabs(4))


def all_blocks(text: str) -> Iterator[TextBlock]:
    """All outermost blocks of `text`. An open fence runs to the end, an open tag is none, and what stands in a fence of
    no name is looked at, too.
    """
    unclosed: set[str] = set()
    within = 0
    reading = OutsideStrings(_OPENING, text)
    for opening in reading:
        if tag := (opening["tag"] or "").lower():
            begin, end, after = (0, -1, 0) if tag in unclosed else _tagged(text, opening.end(), tag)
            if end < 0:
                unclosed.add(tag)
            else:
                reading.position = after
                yield TextBlock(tag, _unfenced(text[begin:end]))
        elif opening["run"]:
            name = _name(opening["content"])
            if body := _beside(name, opening["content"]):
                yield TextBlock(name, body)
        elif (name := _name((fence := _fence(text, opening)).rest)) or opening.start() >= within:
            end, after = _closing(text, fence, nests=name in _NESTS)
            yield TextBlock(name, _body(text, fence, end))
            if name:
                reading.position = after
            else:
                within = after


class OutsideStrings:
    """The matches of a pattern, which has `QUOTE` for an alternative, from `position` to `end`, that stand in no string
    literal of `text`, as far as such literals are closed before `far`. Whoever reads may move `position` on.
    """

    def __init__(
        self, pattern: re.Pattern[str], text: str, position: int = 0, end: int | None = None, far: int | None = None
    ) -> None:
        self._pattern, self._text, self.position = pattern, text, position
        self._end = len(text) if end is None else end
        self._far = self._end if far is None else far

    def __iter__(self) -> Iterator[re.Match[str]]:
        hopeless = dict.fromkeys(_CLOSED, 0)
        while match := self._pattern.search(self._text, self.position, self._end):
            self.position = match.end()
            quote = match["quote"]
            if quote is None:
                yield match
            elif self.position >= hopeless[quote]:
                if closed := _CLOSED[quote].match(self._text, self.position, self._far):
                    self.position = closed.end()
                else:
                    line_end = self._text.find("\n", self.position, self._far)
                    hopeless[quote] = self._far if len(quote) == 3 or line_end < 0 else line_end


def _fence(text: str, match: re.Match[str]) -> _Fence:
    if match["marks"]:
        return _Fence(match["lead"], match["marks"], match["rest"], match.end())
    begins = re.compile(_LEAD).match(text, text.rfind("\n", 0, match.start()) + 1)
    return _Fence(begins[0] if begins else "", match["glued"], match["info"], match.end())


def _tagged(text: str, begin: int, tag: str) -> tuple[int, int, int]:
    """Where the content of a tag that opens before `begin` begins and ends, and where reading goes on: if possible
    outside of string literals; a tag that opens once more was only named before. The end is -1 if it is never closed.
    """
    first = _CLOSING_TAG[tag].search(text, begin)
    if first and tag not in _NESTS:
        start = begin
        for match in OutsideStrings(_ENDS[tag], text, begin):
            if match["closes"]:
                return start, match.start(), match.end()
            start = match.end()
    return (begin, first.start(), first.end()) if first else (begin, -1, 0)


@lru_cache(maxsize=256)
def _name(info: str) -> str:
    """The name of the block that a fence with `info` behind it opens, '' if it has none of ours."""
    tokens = info.lower().split()[:2]
    if tokens and tokens[0] in ("{", "{code-cell}", "."):
        tokens = tokens[1:]
    words = [word for word in _SPLIT.split(tokens[0]) if word] if tokens else []
    if words and (name := _NAME.fullmatch(words[0])):
        return name[1]
    return "program" if any(map(_PYTHON.fullmatch, words)) and not _SESSIONS & {*words} else ""


def _beside(name: str, info: str) -> str:
    """What stands behind the label of a fence that has a `name`; all that does where it has none."""
    return info.strip().partition(" ")[2].strip() if name else info.strip()


def _body(text: str, fence: _Fence, end: int) -> str:
    """What stands in `fence` up to `end`, and beside it if that begins the block already."""
    body = _unquoted(text[fence.end + 1 : end], fence.lead.count(">"))
    name = _name(fence.rest)
    beside = _beside(name, fence.rest)
    if _CODE.match(beside):
        return f"{beside}\n{body}"
    return beside if name in ("input", "output") and not body.strip() else _flush(body)


def _closing(text: str, opening: _Fence, nests: bool) -> tuple[int, int]:
    """Where the fenced block of `opening` ends, and where reading goes on: at a fence that closes it, or at marks
    behind its last line before that; at the end of the text if there are none. Looks ever further, so that many blocks
    are read in linear time.
    """
    ahead = 512
    while True:
        window = text.find("\n", opening.end + ahead)
        window = len(text) if window < 0 else window
        fence = _closing_fence(text, opening, nests, window)
        far = fence[0] if fence else min(len(text), opening.end + 8 * ahead)
        if closed := _closing_marks(text, opening, nests, fence[0] if fence else window, far) or fence:
            return closed
        if window == len(text):
            return window, window
        ahead *= 2


def _closing_marks(text: str, opening: _Fence, nests: bool, end: int, far: int) -> tuple[int, int] | None:
    """Marks outside of strings that close the block of `opening` though they do not stand alone on a line."""
    begin = min(opening.end + 1, end)
    for tail in OutsideStrings(_TAIL, text, begin, end, far) if "`" in opening.marks else ():
        line = text[text.rfind("\n", 0, tail.start()) + 1 : tail.start()]
        if len(tail["tail"]) < len(opening.marks):
            continue
        if line.strip(" \t\r>"):
            remark = "#" in line and line[-1] in " \t"  # which ends in marks of its own
            closes = line.count("```") % 2 == 0 and not (tail["prose"] if nests else remark)
        else:
            closes = not nests and len(line.expandtabs(4)) <= opening.margin + 3 and _goes_on(text, tail)
        if closes:
            return tail.start(), tail.end("tail")
    return None


def _goes_on(text: str, tail: re.Match[str]) -> bool:
    """Whether behind these marks, which begin a line, prose goes on, or leads to the next fence."""
    behind = tail["prose"] or ""
    return text.startswith("`", tail.end()) or (not _name(behind) and _PROSE.match(behind) is not None)


def _closing_fence(text: str, opening: _Fence, nests: bool, end: int) -> tuple[int, int] | None:
    """Where before `end` a fence of the same kind as `opening`, as long at least, no deeper indented and with nothing
    after it closes its block; one that opens a named block ends this one, too, unless this one `nests`.
    """
    depth = 1
    for fence in _FENCE.finditer(text, opening.end, end):
        bare = not fence["rest"].strip()
        if fence["marks"][0] != opening.marks[0] or len(fence["lead"].expandtabs(4)) > opening.margin + 3:
            continue
        if bare and len(fence["marks"]) < len(opening.marks):
            continue
        if fence["lead"].count(">") != opening.lead.count(">"):
            continue
        if not bare and not _name(fence["rest"]):
            continue
        depth += 1 if nests and not bare else -1
        if depth == 0:
            return fence.start() - 1, fence.end() if bare else fence.start()
    return None


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
    match = _FENCE.match(body)
    if match and not match["lead"].strip():
        fence = _fence(body, match)
        end, after = _closing(body, fence, nests=False)
        if not body[after:].strip():
            return _body(body, fence, end)
    return _flush(body)
