"""Completion → answer → blocks, call, literal. Linear in the text, total: a value or `Malformed`.

A completion is what follows the prompt, whose last token opens the think tag. Its blocks are fenced or tagged
(``<input>``), so that one parser serves every prompt set. The format is what the prompts ask for, to the letter; what a
completion says is read where it is unambiguous.
"""

import re
from collections.abc import Callable

from abzero.errors import Malformed
from abzero.python import literals
from abzero.python.entry import entry_point, takes_arguments
from abzero.tasks.blocks import QUOTE, OutsideStrings, all_blocks
from abzero.text import thought as thought_text
from abzero.text.tags import ANSWER_CLOSES, ANSWER_OPENS, THINK_CLOSES

_ANSWER_TAG = re.compile(rf"(?P<opens>{ANSWER_OPENS.pattern})|(?P<closes>{ANSWER_CLOSES.pattern})|{QUOTE}")
_FORMAT = re.compile(r"</think>\s*+(?P<answer><answer>)")
_READS_SO = re.compile(rf"{THINK_CLOSES.pattern}\s*+(?P<answer>{ANSWER_OPENS.pattern})")
_SPAN = re.compile(r"\s*+(`++) ?([^`\n]++)\1\s*+")
_UNREADABLE = re.compile("[\0\ud800-\udfff]")


def answer(completion: str) -> str:
    """The text inside the last closed answer tags behind the thought; if none are closed, behind the last opening one;
    '' where there is none. Tags in a string literal are part of it; in capitals or with spaces they are tags, too.
    """
    shape = _FORMAT.search(completion) or _READS_SO.search(completion)
    text = completion[shape.start("answer") :] if shape else thought_text.parted(completion)[1] or completion
    found, begin = None, None
    for tag in OutsideStrings(_ANSWER_TAG, text):
        if tag["opens"]:
            begin = tag.end()
        elif begin is not None:
            found, begin = text[begin : tag.start()], None
    if found is None:
        ends = [tag.end() for tag in ANSWER_OPENS.finditer(completion)]
        found = ANSWER_CLOSES.split(completion[ends[-1] :], maxsplit=1)[0] if ends else ""
    return found.strip()


def thought(completion: str) -> str:
    """What stands before the closing think tag; all of it where there is none."""
    return thought_text.parted(completion)[0].strip()


def well_formed(completion: str) -> bool:
    """Whether it reads: a thought, its closing tag, only white space, then one closed answer; text may trail."""
    shape = _FORMAT.search(completion)
    return shape is not None and "</answer>" in completion[shape.end() :]


def blocks(text: str, name: str) -> list[str]:
    """The contents of all blocks called `name`, fenced or tagged, in order; not those inside another block."""
    return [body for found, body in all_blocks(text) if found == name]


def block(text: str, name: str, which: int = 0) -> str:
    """The block called `name` at index `which`, of all that `text` has; of programs, of those that define a function,
    and if there are such, one that takes an argument.

    If none has that name, the only fenced block that could be it: one that defines a function, or reads as a literal,
    as arguments. Raises `Malformed` if there is none, or several different ones, or if it holds what no tokenizer or
    interpreter reads: NUL, a lone surrogate.
    """
    found = [body for label, body in all_blocks(text) if label == name]
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
    found = list(dict.fromkeys(body for label, body in all_blocks(text) if label in labels and _READS[name](body)))
    if name == "program" and len(found) > 1:
        found = [body for body in found if takes_arguments(body)]
    return found if len(found) == 1 else []
