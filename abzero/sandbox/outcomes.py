"""From what a child sent to an outcome. Total: any bytes and any wait status give one."""

import json
import os
import re
import signal
from typing import NamedTuple

from abzero.errors import Malformed
from abzero.python import literals
from abzero.sandbox.base import Nondeterministic, NotLiteral, Outcome, Raised, Refused, Returned, Stopped
from abzero.sandbox.child import wire
from abzero.sandbox.host import Ending

_RESULTS = {wire.VALUE, wire.RAISED, wire.NO_LITERAL, wire.ADDRESS, wire.REFUSED, wire.MEMORY, wire.EXITED, wire.DOUBT}
_RESULTS |= {wire.CODE, wire.SOURCE, wire.CALL, wire.CALL_SOURCE}
_LETTERS = r"[ -&(-\[\]-~]*"
_TEXT = rf"""'{_LETTERS}(?:\\[\\nrt]{_LETTERS})*'|"[ !#-&(-\[\]-~]*'[ !#-\[\]-~]*\""""
_KEY = rf"(?:0|-?[1-9][0-9]{{0,4299}}|{_TEXT})"
_ATOM = rf"(?:{_KEY}|True|False|None)"
_ROW = rf"(?:{_ATOM}|\[(?:{_ATOM}(?:, {_ATOM})*)?\]|\((?:{_ATOM},|{_ATOM}(?:, {_ATOM})+)?\))"
_PLAIN = re.compile(rf"{_ROW}|\[{_ROW}(?:, {_ROW})*\]|\((?:{_ROW},|{_ROW}(?:, {_ROW})+)\)")
_PLAIN_DICT = re.compile(rf"\{{(?:{_KEY}: {_ROW}(?:, {_KEY}: {_ROW})*)?\}}")
_PAIR = re.compile(rf"({_KEY}): {_ROW}")
_BRACKET = re.compile(r"[\[{(]")


class Result(NamedTuple):
    """One result frame, as the child sent it."""

    hashing: bool
    """The analysis, before the program ran, found that two seeds are too few."""
    tag: bytes
    body: bytes


def plain(text: str) -> bool:
    """Whether `text` is one of those literals that are seen to be canonical without `literals`: most of what programs
    return.
    """
    if _PLAIN.fullmatch(text):
        return True
    if _PLAIN_DICT.fullmatch(text):
        keys = _PAIR.findall(text, 1)
        return len(set(keys)) == len(keys)
    return len(_BRACKET.findall(text)) <= literals.MAX_DEPTH and "\\" not in text and _as_json(text)


def _as_json(text: str) -> bool:
    """Whether `text` is what ``repr`` writes of a value that JSON knows, or of a tuple of several. However that value
    was come by: if this is its text, then this is the text of a value. Backslashes could spell a lone surrogate.
    """
    several = text[:1] == "(" and text[-1:] == ")"
    inner = f"[{text[1:-1]}]" if several else text
    spelled = inner.replace("'", '"').replace("True", "true").replace("False", "false").replace("None", "null")
    try:
        value = json.loads(spelled)
        return repr(value) == inner and not (several and len(value) < 2)
    except ValueError:
        return False


def outcome_of(result: Result, verify: bool) -> Outcome:
    """The outcome that a result frame reports; what no honest child sends counts as a crash."""
    try:
        text = result.body.decode()
    except UnicodeDecodeError:
        return Stopped("crashed")
    match result.tag:
        case wire.VALUE:
            if len(text) < literals.MAX_CHARACTERS and plain(text):
                return Returned(text)
            try:
                return Returned(literals.canonical(literals.parse(text)))
            except Malformed as error:
                return Refused(f"a value that is no literal: {error}")
        case wire.RAISED:
            return Raised(_name(text, "Exception"))
        case wire.ADDRESS if verify:
            return Nondeterministic()
        case wire.NO_LITERAL | wire.ADDRESS:
            return NotLiteral(_name(text, "object"))
        case wire.REFUSED:
            return Refused(text[:200])
        case wire.MEMORY:
            return Stopped("memory")
        case wire.EXITED:
            return Stopped("exited")
        case _:
            return Stopped("crashed")


def results(ending: Ending) -> tuple[list[Result], bool, bool]:
    """The results of a run, whether its child locked itself in, and whether it got a program to its call."""
    found: list[Result] = []
    locked = prepared = hashing = False
    for tag, body in wire.frames(ending.data):
        if tag == wire.LOCKED:
            locked = True
        elif tag == wire.HASHING:
            hashing = True
        elif tag == wire.PREPARED:
            prepared = True
        elif tag in _RESULTS:
            found.append(Result(hashing, tag, body))
            hashing = False
    return found, locked, prepared


def broken(ending: Ending) -> Outcome:
    """The outcome of a run that ended without a result."""
    if ending.overdue:
        return Stopped("timeout")
    if os.WIFSIGNALED(ending.status):
        if os.WTERMSIG(ending.status) in (signal.SIGPROF, signal.SIGXCPU):
            return Stopped("timeout")
        if os.WTERMSIG(ending.status) == signal.SIGSYS:
            return Refused("something that only the operating system could do")
        return Stopped("memory" if killed(ending) else "crashed")
    return Refused("more output than a report may hold") if cut_short(ending) else Stopped("exited")


def killed(ending: Ending) -> bool:
    """Whether somebody else than this sandbox killed a child: as a rule the kernel, for want of memory on the machine,
    whoever used it up. Neither limits nor filter kill that way.
    """
    return not ending.overdue and os.WIFSIGNALED(ending.status) and os.WTERMSIG(ending.status) == signal.SIGKILL


def cut_short(ending: Ending) -> bool:
    """Whether a child stopped because its report did not fit the socket's buffer."""
    return not os.WIFSIGNALED(ending.status) and ending.status >> 8 == wire.CUT_SHORT


def _name(text: str, default: str) -> str:
    return text if text.isidentifier() and len(text) <= 100 else default
