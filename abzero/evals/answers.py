"""From a completion to an answer. Linear in the text and total: an answer, or `Malformed` where there is none."""

import re

from abzero.errors import Malformed
from abzero.text.tags import ANSWER_CLOSES, ANSWER_OPENS, THINK_CLOSES, THINK_OPENS

_BOX = re.compile(r"\\f?box(?:ed)?(?![A-Za-z])[ \t]*")
_SAYS = re.compile(r"(?i:answer is|final answer)[ \t]*:?[ \t]*")
_ENDS_SENTENCE = re.compile(r"\.(?=\s|$)")
_FENCE = re.compile(r"^[ \t]*```[ \t]*+([\w+-]*+)[ \t\r]*$", re.MULTILINE)
_CODE = re.compile(
    r"(?:import|from|def|async def|class|@|if|for|while|try|with|[^\W\d]\w*[ \t]*(?:=|\())(?=[ \t(\w:]|$)"
)
_ASSERTION = re.compile(r"\n[ \t]*+assert\b")
_LANGUAGES = ("", "py", "python", "python3")


def region(completion: str, opens_think: bool = False) -> str:
    """The part of `completion` that may hold the answer. Raises `Malformed` where a thought never ends."""
    ends = [tag.end() for tag in THINK_CLOSES.finditer(completion)]
    if not ends and (opens_think or THINK_OPENS.search(completion)):
        raise Malformed("a thought that never ends")
    text = completion[ends[-1] :] if ends else completion
    begins = [tag.end() for tag in ANSWER_OPENS.finditer(text)]
    return ANSWER_CLOSES.split(text[begins[-1] :], maxsplit=1)[0] if begins else text


def mathematical(completion: str, opens_think: bool = False) -> str:
    """The last box that is not empty, else what the text says its answer is, else what stands in answer tags."""
    text = region(completion, opens_think)
    if (boxed := last_box(text)) is not None:
        return boxed
    said = None
    for said in _SAYS.finditer(text):  # noqa: B007
        pass
    if said is not None and (answer := _said(text[said.end() :].partition("\n")[0])):
        return answer
    if ANSWER_OPENS.search(completion) and text.strip() and _BOX.search(text) is None:
        return text.strip()
    raise Malformed("no box, no 'answer is', no answer tags")


def _said(line: str) -> str:
    line = line.replace("*", "").strip()
    if line.startswith("$") and "$" in line[1:]:
        dollars = "$$" if line.startswith("$$") else "$"
        return line[len(dollars) :].partition(dollars)[0].strip()
    stop = _ENDS_SENTENCE.search(line)
    return (line[: stop.start()] if stop else line).strip()


def last_box(text: str) -> str | None:
    r"""The content of the last non-empty ``\boxed{…}`` or ``\fbox{…}`` of `text`: one pass over its braces."""
    starts = [match.end() for match in _BOX.finditer(text)]
    braced = {start for start in starts if text.startswith("{", start)}
    closes = _closing(text, braced)
    for start in reversed(starts):
        if start not in braced:
            content = re.split(r"[\s$]", text[start : start + 1_000], maxsplit=1)[0].rstrip(".,")
        elif start in closes:
            content = text[start + 1 : closes[start]]
        else:
            content = text[start + 1 :].partition("\n")[0]
        if content.strip():
            return content.strip()
    return None


def _closing(text: str, starts: set[int]) -> dict[int, int]:
    """Where each of the braces at `starts` is closed, for those that are."""
    closes: dict[int, int] = {}
    open_braces: list[int] = []
    for match in re.finditer(r"\\\\|\\[{}]|[{}]", text):
        if match.group() == "{":
            open_braces.append(match.start())
        elif match.group() == "}" and open_braces and (start := open_braces.pop()) in starts:
            closes[start] = match.start()
    return closes


def program(completion: str, entry: str, opens_think: bool = False) -> str:
    """The program of `completion`: the last fenced block that defines `entry`, else the last one, else the lines from
    the first that reads like code to the last.
    """
    text = region(completion, opens_think)
    found = _fenced(text)
    defines = re.compile(rf"^(?:async[ \t]+def|def|class)[ \t]+{re.escape(entry)}\b|^{re.escape(entry)}[ \t]*=", re.M)
    chosen = [block for block in found if entry and defines.search(block)] or found or [_code_lines(text)]
    if not chosen[-1].strip():
        raise Malformed("no program")
    return chosen[-1]


def _fenced(text: str) -> list[str]:
    blocks, begin = [], None
    for fence in _FENCE.finditer(text):
        if begin is None:
            begin = (fence.end() + 1, fence[1].lower() in _LANGUAGES)
        else:
            if begin[1]:
                blocks.append(text[begin[0] : fence.start()])
            begin = (fence.end() + 1, fence[1].lower() in _LANGUAGES) if fence[1] else None
    if begin is not None and begin[1]:
        blocks.append(text[begin[0] :])
    return blocks


def _code_lines(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    code = [index for index, line in enumerate(lines) if _CODE.match(line)]
    if not code:
        return ""
    last = max(
        index for index, line in enumerate(lines) if index in set(code[-1:]) or line[:1] in (" ", "\t", ")", "]", "}")
    )
    return "\n".join(lines[code[0] : max(last, code[-1]) + 1])


def value(completion: str, opens_think: bool = False) -> str:
    """What a prediction of an output says: an ``output`` block, ``[ANSWER]`` tags or the text, right of its ``==``."""
    text = _first_assertion(_block(region(completion, opens_think), "output"))
    head, equals, tail = _last_equation(text)
    return (tail if equals and head.lstrip().startswith("assert") else text).strip()


def call(completion: str, function: str = "f", opens_think: bool = False) -> str:
    """The arguments that a prediction of an input gives: an ``input`` block or the text; a whole call counts as its
    arguments.
    """
    text = _first_assertion(_block(region(completion, opens_think), "input"))
    head, equals, _ = _last_equation(text)
    text = (head.replace("assert", "", 1) if equals and head.lstrip().startswith("assert") else text).strip()
    return arguments(text, function)


def arguments(text: str, function: str = "f") -> str:
    """`text` as the arguments of a call; a whole call of `function` counts as its arguments."""
    text = text.strip()
    whole = text.startswith(f"{function}(") and text.endswith(")")
    return text[len(function) + 1 : -1] if whole else text


def _block(text: str, name: str) -> str:
    _, tag, inside = text.rpartition("[ANSWER]")
    if tag:
        return inside.partition("[/ANSWER]")[0]
    for opening, closing in ((f"```{name}\n", "\n```"), (f"<{name}>", f"</{name}>")):
        _, found, inside = text.rpartition(opening)
        if found:
            return inside.partition(closing)[0]
    return text


def _first_assertion(text: str) -> str:
    """`text`, or the first of several lines that each assert something: what follows are examples of the model's."""
    return _ASSERTION.split(text.strip(), maxsplit=1)[0] if text.lstrip().startswith("assert") else text


def _last_equation(text: str) -> tuple[str, str, str]:
    """`text` around its last ``==`` that no bracket or string holds."""
    depth, at = 0, -1
    for match in re.finditer(r"'(?:[^'\\\n]|\\.)*+'?|\"(?:[^\"\\\n]|\\.)*+\"?|[()\[\]{}]|==", text):
        mark = match.group()
        if mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth -= 1
        elif mark == "==" and depth == 0:
            at = match.start()
    return ("", "", text) if at < 0 else (text[:at], "==", text[at + 2 :])
